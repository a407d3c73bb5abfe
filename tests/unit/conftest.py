"""Every test of the unit tier that has a loop runs on the standard library's and on uvloop, as users may run either."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterator, Mapping

import pytest
import uvloop


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Run each of these tests on the loop of the standard library and on uvloop."""
    return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


@pytest.fixture(autouse=True)
def _signals_are_delivered_as_before() -> Iterator[None]:
    """A daemon that ends in this process holds all signals, and so would each process that a later test starts."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    yield
    signal.pthread_sigmask(signal.SIG_SETMASK, before)
