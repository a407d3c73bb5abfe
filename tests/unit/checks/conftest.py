"""Scripted servers on loopback, and both event loops that a user may run."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping

import pytest
import uvloop

from harness import scripted


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Run each of these tests on the loop of the standard library and on uvloop."""
    return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


@pytest.fixture
async def servers() -> AsyncIterator[scripted.Servers]:
    async with scripted.servers() as place:
        yield place
