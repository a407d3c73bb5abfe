"""Waiting for an event, but not for ever; repeating something; and running coroutines that end together."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from types import TracebackType
from typing import Any, Final, NoReturn

logger = logging.getLogger(__name__)

TIMEOUT_PARTS: Final = 30
"""Parts of a ``RunningTimeout``: a pause of this host counts as one of them at most."""

MIN_PART: Final = 0.01
"""Seconds of a part at least: uvloop rounds the times of timers to milliseconds."""


async def wait_until_set(event: asyncio.Event, seconds: float | None) -> bool:
    """Return whether an event is set, as soon as it is, or after so many seconds; None: however long it takes.

    Where it does not matter who has set it, ``wait_or_set`` costs less.
    """
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
    return event.is_set()


async def wait_or_set(event: asyncio.Event, seconds: float) -> None:
    """Wait until an event is set; set it after so many seconds. This takes 1 us besides, a timeout 4."""
    timer = asyncio.get_running_loop().call_later(seconds, event.set)
    try:
        await event.wait()
    finally:
        timer.cancel()


class RunningTimeout:
    """A context that ends its block with TimeoutError after ``seconds`` in which this process ran.

    Where it stood still, what the block waits for did so too, or had no chance to be heard: that is no timeout. It
    is in no cycle of references, however the block ends.
    """

    def __init__(self, seconds: float) -> None:
        self._left = max(1, int(min(TIMEOUT_PARTS, seconds / MIN_PART)))
        self._part = seconds / self._left

    async def __aenter__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._timeout = asyncio.timeout(None)
        await self._timeout.__aenter__()
        self._timer = self._loop.call_later(self._part, self._end_part)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timer.cancel()
        await self._timeout.__aexit__(kind, error, trace)

    def _end_part(self) -> None:
        self._left -= 1
        if self._left:
            self._timer = self._loop.call_later(self._part, self._end_part)
        else:
            self._timeout.reschedule(self._loop.time())


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
