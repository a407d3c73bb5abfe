"""What is to happen, and when: one heap for everything in a simulation, the timers of the director included."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappush
from itertools import count
from math import inf
from typing import Any, Final

from simulation.clock import CLOCK

Entry = tuple[float, float, Callable[..., object], tuple[Any, ...]]
"""When a call is due, a number that keeps calls of one time in their order, the call and its arguments."""

_NEVER: Final[Entry] = (inf, inf, lambda: None, ())
"""Saves those who look at the first entry a look whether there is one."""


class Agenda:
    """Its state: the ``entries`` as a heap, of which the last one is never due."""

    def __init__(self) -> None:
        self.entries: list[Entry] = [_NEVER]
        self._numbers = count()

    def after(self, seconds: float, call: Callable[..., object], *arguments: Any) -> None:
        """Call this after so many seconds."""
        heappush(self.entries, (CLOCK.now + seconds, next(self._numbers), call, arguments))

    def at(self, when: float, call: Callable[..., object], *arguments: Any) -> None:
        """Call this at a time of the simulated clock, or now where that has passed."""
        heappush(self.entries, (when, next(self._numbers), call, arguments))

    def clear(self) -> None:
        """Forget everything."""
        self.entries[:] = (_NEVER,)
