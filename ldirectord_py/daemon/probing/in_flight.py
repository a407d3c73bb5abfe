"""The checks in flight: how many there may be at once, and what is told when that is too few."""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from ldirectord_py.runtime.limiter import Limiter

logger = logging.getLogger(__name__)

CALM: Final = 10.0
"""Seconds in which no check had to wait before it is told that they are on time again."""


class InFlightLimiter:
    """Lets so many checks be in flight; others wait in their order, which is told once, and once when it is over.

    Its state: the turns, how many checks ``waited`` since the start, and since when this goes on.
    """

    def __init__(self, limit: int) -> None:
        self._turns = Limiter(limit)
        self.waited = 0
        self._before = 0
        self._last = -CALM
        self._crowded = False

    @property
    def limit(self) -> int:
        """How many at once; 0 holds all that have not begun."""
        return self._turns.limit

    @limit.setter
    def limit(self, limit: int) -> None:
        self._turns.limit = limit

    async def __aenter__(self) -> None:
        """Wait until the check may begin."""
        if self._turns.free:
            self._turns.acquire_nowait()
            return
        if self.limit:  # none at all is a halt, which no larger limit would mend
            self._note(asyncio.get_running_loop().time())
        await self._turns.__aenter__()

    async def __aexit__(self, *_: object) -> None:
        """Let another one begin."""
        self._turns.release()
        if self._crowded and asyncio.get_running_loop().time() - self._last > CALM:
            self._crowded = False
            logger.warning("Checks begin on time again, %d had to wait", self.waited - self._before)

    def _note(self, now: float) -> None:
        self._last = now
        if not self._crowded:
            self._crowded, self._before = True, self.waited
            mend = "raise maxchecks or the limit of open files, or checkinterval"
            logger.warning("%d checks are in flight, others begin late; %s", self._turns.taken, mend)
        self.waited += 1
