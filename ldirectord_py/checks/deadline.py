"""The deadline of a check: as asyncio.timeout, at half its cost, to the next tick of the timer wheel.

It is fair to the server where this host is busy: the time in which this process did not run is added to it once, and
answers that lie unread when it passes are read before the check fails.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Final, cast

from ldirectord_py.checks.progress import progress
from ldirectord_py.errors import DeadlinePassed
from ldirectord_py.runtime.stalls import stall_meter
from ldirectord_py.runtime.timer_wheel import current_wheel

MIN_EXTENSION: Final = 0.05
"""Seconds: a deadline is extended only if this process did not run for longer than that."""

LAST_TURNS: Final = 4
"""Turns of the event loop after a deadline: one polls the sockets, two wake the check, one lets it end."""


async def fail_after(seconds: float, check: Awaitable[str]) -> str:
    """Return what ``check`` returns; raises DeadlinePassed after ``seconds``."""
    deadline = Deadline(seconds)
    try:
        word = await check
    except BaseException:
        if deadline.end():
            raise deadline.failure() from None
        raise
    deadline.end()
    return word


class Deadline:
    """Cancels the task that creates it when the time is over, unless ``end`` is called before.

    Whoever creates it must call ``end``. Its state: whether it was extended, has cancelled the task, or has ended.
    """

    __slots__ = (
        "_before",
        "_cancelling",
        "_compensated",
        "_ended",
        "_expired",
        "_extended",
        "_meter",
        "_seconds",
        "_task",
        "_tick",
        "_turns",
        "_wheel",
    )

    def __init__(self, seconds: float) -> None:
        """Set it, ``seconds`` from now."""
        self._wheel = current_wheel()
        loop = self._wheel.loop
        self._task = cast("asyncio.Task[object]", asyncio.current_task(loop))
        self._cancelling = self._task.cancelling()
        self._seconds = seconds
        self._meter = stall_meter()
        self._before = self._meter.watch()
        self._tick = self._wheel.schedule(loop.time() + seconds, self)
        self._turns = LAST_TURNS
        self._compensated = True
        self._ended = self._expired = self._extended = False

    @property
    def stalled(self) -> float:
        """How many seconds this process has stood still since the deadline was set."""
        return self._meter.since(self._before)[1]

    def end(self) -> bool:
        """Let go of the task; return whether this deadline, and nobody else, has cancelled it."""
        self._ended = True
        self._meter.unwatch()
        self._wheel.cancel(self._tick, self)
        return self._expired and self._task.uncancel() <= self._cancelling

    def failure(self) -> DeadlinePassed:
        """Return what a passed deadline means."""
        reason = f"no answer within {self._seconds:g} s" + (f" ({progress()})" if progress() else "")
        return DeadlinePassed(reason, compensated=self._compensated)

    def __call__(self) -> None:
        """Extend the deadline, or let it pass: what the timer wheel calls when it is due."""
        missed, _ = self._meter.since(self._before)
        if self._extended or missed <= MIN_EXTENSION:
            self._turn()
            return
        self._extended = True
        self._compensated = missed <= self._seconds
        self._tick = self._wheel.schedule(self._wheel.loop.time() + min(missed, self._seconds), self)

    def _turn(self) -> None:
        if self._ended:
            return
        if self._turns:
            self._turns -= 1
            self._wheel.loop.call_soon(self._turn)
        else:
            self._expired = True
            self._task.cancel()
