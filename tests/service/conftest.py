"""The service tier checks real servers, on the event loop that the daemon runs on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

import uvloop


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Run the tests on uvloop."""
    return {"uvloop": uvloop.new_event_loop}
