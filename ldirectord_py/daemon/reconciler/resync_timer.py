"""When the kernel's table is to be looked at."""

from __future__ import annotations

import asyncio
import math
from typing import Final

RETRY_AFTER: Final = 1.0
RETRY_AFTER_AT_MOST: Final = 30.0
"""Seconds after which a refused op or a kernel out of reach is tried again: at first, and in the end."""


class ResyncTimer:
    """Its state: when the next look is due (``at``, on the loop's clock), and the pause before the next retry."""

    def __init__(self) -> None:
        self.at = math.inf
        self._pause = RETRY_AFTER

    def due_now(self) -> None:
        """Let the next look be due at once."""
        self.at = -math.inf

    def schedule(self, reconcile: int | None) -> None:
        """Let the next look be due after a whole period, or never for None."""
        self.at = math.inf if reconcile is None else asyncio.get_running_loop().time() + reconcile

    def back_off(self) -> None:
        """Let the next look be due sooner, to try again what failed; ever less soon."""
        self.at = min(self.at, asyncio.get_running_loop().time() + self._pause)
        self._pause = min(2 * self._pause, RETRY_AFTER_AT_MOST)

    def reset(self) -> None:
        """Note that nothing failed, so that the next retry is soon again."""
        self._pause = RETRY_AFTER
