"""Waiting for an event, but not for ever; repeating something; and running coroutines that end together."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any, Final, NoReturn

logger = logging.getLogger(__name__)

TIMEOUT_PARTS: Final = 30
"""Parts of a ``running_timeout``: a pause of this host counts as one of them at most."""


async def wait_until_set(event: asyncio.Event, seconds: float | None) -> bool:
    """Return whether an event is set, as soon as it is, or after so many seconds; None: however long it takes."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
    return event.is_set()


@asynccontextmanager
async def running_timeout(seconds: float) -> AsyncIterator[None]:
    """End the block with TimeoutError after ``seconds`` in which this process ran.

    Where it stood still, what the block waits for did so too, or had no chance to be heard: that is no timeout.
    """
    loop = asyncio.get_running_loop()
    left = TIMEOUT_PARTS
    timer: asyncio.TimerHandle

    def begin_part() -> asyncio.TimerHandle:
        return loop.call_later(seconds / TIMEOUT_PARTS, end_part)

    def end_part() -> None:
        nonlocal left, timer
        left -= 1
        if left:
            timer = begin_part()
        else:
            timeout.reschedule(loop.time())

    async with asyncio.timeout(None) as timeout:
        timer = begin_part()
        try:
            yield
        finally:
            timer.cancel()


async def repeat(action: Callable[[], Awaitable[None] | None], interval: float, failure: str) -> NoReturn:
    """Wait ``interval`` seconds and do ``action``, for ever; an exception of it is logged with the text ``failure``."""
    while True:
        await asyncio.sleep(interval)
        try:
            if (waiting := action()) is not None:
                await waiting
        except Exception:  # a fault of ours must not end the daemon
            logger.exception("%s", failure)


async def run_all(*coroutines: Coroutine[Any, Any, object]) -> None:
    """Run coroutines, of which most never return; an exception in one ends the others and is raised."""
    async with asyncio.TaskGroup() as group:
        for coroutine in coroutines:
            group.create_task(coroutine)
