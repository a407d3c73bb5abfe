"""Delays between attempts, which double as long as the attempts fail."""

from __future__ import annotations


class Backoff:
    """Delays in seconds: ``minimum`` first, each twice the one before it, at most ``maximum``.

    Its state: the next delay.
    """

    def __init__(self, minimum: float, maximum: float) -> None:
        self._minimum = minimum
        self._maximum = maximum
        self._next = minimum

    def next_delay(self) -> float:
        """Return the delay before the next attempt."""
        delay = self._next
        self._next = min(2 * delay, self._maximum)
        return delay

    def reset(self) -> None:
        """Start again with ``minimum``."""
        self._next = self._minimum
