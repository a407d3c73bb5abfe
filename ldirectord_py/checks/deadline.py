"""The deadline of a check, and what it means when it passes.

As asyncio.timeout, at half its cost, to the next tick of the wheel, and fair where this host was busy: a
deadline that is noticed late leaves the loop a moment to read what came in the meantime, and one noticed very late says
nothing about the server.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import cast

from ldirectord_py.checks.phase import phase
from ldirectord_py.checks.wheel import running
from ldirectord_py.errors import CheckFailed, Inconclusive, LdirectordError

LATE = 0.05
"""Seconds by which a passed deadline may be noticed late without further ado."""

CATCH_UP = 0.02
"""Seconds that the loop then has to read what lies there unread."""

OVERSLEPT = 1.0
"""Seconds by which a passed deadline may be noticed late before this host is to blame."""


async def within(seconds: float, check: Awaitable[str]) -> str:
    """Return what ``check`` returns; raises CheckFailed after ``seconds``, Inconclusive if this host slept."""
    limit = _Limit(seconds)
    try:
        word = await check
    except BaseException:
        if limit.ended():
            raise limit.failure() from None
        raise
    limit.ended()
    return word


class _Limit:
    """A deadline that cancels the task that sets it; its state is whether it did, and how late."""

    __slots__ = ("_cancelling", "_expired", "_late", "_over", "_seconds", "_task", "_tick", "_wheel")

    def __init__(self, seconds: float) -> None:
        self._wheel = running()
        loop = self._wheel.loop
        self._task = cast("asyncio.Task[object]", asyncio.current_task(loop))
        self._cancelling = self._task.cancelling()
        self._seconds = seconds
        self._tick = self._wheel.at(loop.time() + seconds, self)
        self._late = 0.0
        self._expired = False
        self._over = False

    def ended(self) -> bool:
        """Let go of the task; return whether this deadline, and nobody else, has cancelled it."""
        self._over = True
        self._wheel.drop(self._tick, self)
        return self._expired and self._task.uncancel() <= self._cancelling

    def failure(self) -> LdirectordError:
        """Return what a passed deadline means."""
        if self._late > OVERSLEPT:
            return Inconclusive(f"this host was {self._late:.1f} s late to look for the answer")
        reached = phase()
        return CheckFailed(f"no answer within {self._seconds:g} s" + (f" ({reached})" if reached else ""))

    def __call__(self) -> None:
        """Pass, at once or a moment later: what the wheel calls when that is due."""
        loop = self._wheel.loop
        self._late = loop.time() - self._tick
        if self._late > LATE:
            loop.call_later(CATCH_UP, self._cancel)
        else:
            self._cancel()

    def _cancel(self) -> None:
        if not self._over:
            self._expired = True
            self._task.cancel()
