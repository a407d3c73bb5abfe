"""The service tier checks real servers, on the event loop that the daemon runs on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping

import pytest
import uvloop

from harness import expected_codes


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Run the tests on uvloop."""
    return {"uvloop": uvloop.new_event_loop}


@pytest.fixture(autouse=True)
def _codes() -> Iterator[None]:
    """Each failure has the code that belongs to its reason."""
    with expected_codes.checked():
        yield
