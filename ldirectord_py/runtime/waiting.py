"""Waiting for an event, but not for ever; repeating something; and running coroutines that end together."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import Any, NoReturn

logger = logging.getLogger(__name__)


async def wait_until_set(event: asyncio.Event, seconds: float | None) -> bool:
    """Return whether an event is set, as soon as it is, or after so many seconds; None: however long it takes."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
    return event.is_set()


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
