"""The limit on checks in a TLS handshake, the one part of a check that costs this host much.

A thousand handshakes at once would each take as long as all of them, and time out by our own fault. Those above the
limit wait before their deadline begins.
"""

from __future__ import annotations

import asyncio
from typing import Final

from ldirectord_py.runtime.limiter import Limiter, Room

MAX_HOLD: Final = 0.1
"""Seconds until the room is released: a server that takes longer costs us nothing, and must not delay others."""

MAX_REPEATED_HOLD: Final = 0.01
"""Seconds likewise after a probe that took longer than MAX_HOLD: servers that hang must not delay those that answer."""


class Handshake(Room):
    """Room for the probes of one check, one at a time.

    Its state: since when it is held, for how long it may be, and the timer that releases it.
    """

    __slots__ = ("_held_since", "_limiter", "_loop", "_max_hold", "_timer")

    def __init__(self, limiter: Limiter) -> None:
        self._limiter = limiter
        self._timer: asyncio.TimerHandle | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._held_since = 0.0
        self._max_hold = MAX_HOLD

    def try_acquire(self) -> bool:
        """Acquire without a wait; return whether that was possible."""
        if not self._limiter.try_acquire():
            return False
        self._hold()
        return True

    async def acquire(self) -> None:
        """Wait until another handshake is over."""
        await self._limiter.acquire()
        self._hold()

    def release(self) -> None:
        """Let another handshake begin, unless the time limit has done so."""
        assert self._loop is not None  # noqa: S101  it is held
        self._max_hold = MAX_HOLD if self._loop.time() - self._held_since < MAX_HOLD else MAX_REPEATED_HOLD
        if self._timer is not None:
            self._timer.cancel()
            self._expire()

    def _hold(self) -> None:
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
        self._held_since = self._loop.time()
        self._timer = self._loop.call_later(self._max_hold, self._expire)

    def _expire(self) -> None:
        self._timer = None
        self._limiter.release()
