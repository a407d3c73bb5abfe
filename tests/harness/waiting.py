"""Waits of tests for what happens on their event loop, or in another process; and what runs beside a test."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any


async def until(true: Callable[[], object], seconds: float = 30) -> None:
    """Return as soon as something is true; raises TimeoutError."""
    async with asyncio.timeout(seconds):
        while not true():
            await asyncio.sleep(0.01)


def wait_for(true: Callable[[], object], seconds: float = 60) -> None:
    """Return as soon as something is true; raises TimeoutError. For what another process does."""
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
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
