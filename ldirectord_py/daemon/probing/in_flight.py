"""The limit on checks in flight, and the log lines when checks have to wait."""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from ldirectord_py.runtime.limiter import Limiter

logger = logging.getLogger(__name__)

RECOVERY_SECONDS: Final = 10.0
"""Seconds without a check that waited, after which the log says that checks begin on time again."""


class InFlightLimiter(Limiter):
    """Limits the checks in flight. The log has a line when others begin to wait, and one when that is over.

    Its state, besides that of Limiter: how many checks have ``waited`` since the start, and since when checks wait.
    """

    __slots__ = ("_crowded", "_last_wait", "_waited_before", "waited")

    def __init__(self, limit: int) -> None:
        super().__init__(limit)
        self.waited = 0
        self._waited_before = 0
        self._last_wait = 0.0
        self._crowded = False

    async def acquire(self) -> None:
        """Wait until the check may begin."""
        if self.limit:  # 0 is a pause, which a higher limit would not help
            self._count_wait()
        await super().acquire()

    def release(self) -> None:
        """Let another check begin."""
        super().release()
        if self._crowded and asyncio.get_running_loop().time() - self._last_wait > RECOVERY_SECONDS:
            self._crowded = False
            logger.warning("Checks begin on time again, %d had to wait", self.waited - self._waited_before)

    def _count_wait(self) -> None:
        self._last_wait = asyncio.get_running_loop().time()
        if not self._crowded:
            self._crowded, self._waited_before = True, self.waited
            hint = "raise maxchecks or the limit of open files, or checkinterval"
            logger.warning("%d checks are in flight, others begin late; %s", self.acquired, hint)
        self.waited += 1
