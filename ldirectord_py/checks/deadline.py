"""The deadline of a check, like asyncio.timeout at half the cost; it passes with a tick of the timer wheel.

It is fair to servers while this host is busy: it is extended once by the time in which this process did not run, and
answers that have arrived when it passes are read before the check fails.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Final

from ldirectord_py.checks.progress import progress
from ldirectord_py.errors import DeadlinePassed
from ldirectord_py.runtime.stalls import stall_meter
from ldirectord_py.runtime.timer_wheel import current_wheel

MIN_EXTENSION: Final = 0.05
"""Seconds: a deadline is extended only if this process did not run for longer than this."""

EXTRA_TURNS: Final = 4
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
    """Cancels the task that creates it after ``seconds``, unless ``end`` is called before.

    The task must call ``end``. The state of a deadline: whether it was extended, has cancelled the task, or has ended.
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
        """Start the deadline."""
        self._wheel = current_wheel()
        loop = self._wheel.loop
        task = asyncio.current_task(loop)
        assert task is not None  # noqa: S101  it creates this object
        self._task = task
        self._cancelling = task.cancelling()
        self._seconds = seconds
        self._meter = stall_meter()
        self._before = self._meter.watch()
        self._tick = self._wheel.schedule(loop.time() + seconds, self)
        self._turns = EXTRA_TURNS
        self._compensated = True
        self._ended = self._expired = self._extended = False

    @property
    def stalled(self) -> float:
        """How many seconds this process has stood still since the deadline was set."""
        return self._meter.since(self._before).stalled

    def end(self) -> bool:
        """End the deadline; return whether it has cancelled the task, and nothing else has."""
        self._ended = True
        self._meter.unwatch()
        self._wheel.cancel(self._tick, self)
        return self._expired and self._task.uncancel() <= self._cancelling

    def failure(self) -> DeadlinePassed:
        """Return the exception for a passed deadline."""
        reason = f"no answer within {self._seconds:g} s" + (f" ({progress()})" if progress() else "")
        return DeadlinePassed(reason, compensated=self._compensated)

    def __call__(self) -> None:
        """Extend the deadline or let it pass; the timer wheel calls this."""
        missed = self._meter.since(self._before).missed
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
