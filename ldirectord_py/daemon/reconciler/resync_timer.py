"""The time of the next resync, which reads the kernel's table and compares it."""

from __future__ import annotations

import asyncio
import math
from typing import Final

from ldirectord_py.runtime.backoff import Backoff

MIN_RETRY_DELAY: Final = 1.0
"""Seconds before the first retry of a refused op, or of a kernel out of reach."""

MAX_RETRY_DELAY: Final = 30.0
"""Seconds between retries at most."""


class ResyncTimer:
    """Its state: when the next resync is due (``at``, on the loop's clock), and the delay before the next retry."""

    def __init__(self) -> None:
        self.at = math.inf
        self._backoff = Backoff(MIN_RETRY_DELAY, MAX_RETRY_DELAY)

    def due_now(self) -> None:
        """Make the next resync due at once."""
        self.at = -math.inf

    def schedule(self, seconds: float | None) -> None:
        """Make the next resync due after this time; None: never."""
        self.at = math.inf if seconds is None else asyncio.get_running_loop().time() + seconds

    def back_off(self) -> None:
        """Make the next resync due after the delay of a retry, if not earlier; the delays double."""
        self.at = min(self.at, asyncio.get_running_loop().time() + self._backoff.next_delay())

    def reset(self) -> None:
        """Reset the delay to the shortest, after a success."""
        self._backoff.reset()
