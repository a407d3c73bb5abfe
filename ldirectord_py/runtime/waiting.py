"""Waiting for an event, but not for ever; and running coroutines that end together."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any


async def wait_until_set(event: asyncio.Event, seconds: float | None) -> bool:
    """Return whether an event is set, as soon as it is, or after so many seconds; None: however long it takes."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
    return event.is_set()


async def run_all(*coroutines: Coroutine[Any, Any, object]) -> None:
    """Run coroutines, of which most never return; an exception in one ends the others and is raised."""
    async with asyncio.TaskGroup() as group:
        for coroutine in coroutines:
            group.create_task(coroutine)
