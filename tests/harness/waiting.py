"""Waits of tests for what happens on their event loop, or in another process; and what runs beside a test."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

MAX_PAUSE: Final = 1.0
"""Seconds between two looks that count at most: a host that stands still is no reason to give up."""


class Patience:
    """``seconds`` in which this process runs. Its state: how many are left, and when it was asked last."""

    def __init__(self, seconds: float) -> None:
        self._left = seconds
        self._last = time.monotonic()

    @property
    def is_over(self) -> bool:
        """Whether these seconds have passed; to be asked at each look."""
        now = time.monotonic()
        self._left -= min(now - self._last, MAX_PAUSE)
        self._last = now
        return self._left < 0


async def until(true: Callable[[], object], seconds: float = 30) -> None:
    """Return as soon as something is true; raises TimeoutError."""
    async with asyncio.timeout(seconds):
        while not true():
            await asyncio.sleep(0.01)


def wait_for(true: Callable[[], object], seconds: float = 60) -> None:
    """Return as soon as something is true; raises TimeoutError. For what another process does."""
    patience = Patience(seconds)
    while not true():
        if patience.is_over:
            raise TimeoutError
        time.sleep(0.01)


@asynccontextmanager
async def running_beside(work: Coroutine[Any, Any, object]) -> AsyncIterator[None]:
    """Run a coroutine beside the block, and cancel it then; raises what it has raised."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
