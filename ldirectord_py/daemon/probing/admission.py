"""Starts checks only as fast as the event loop can finish them, so that each runs as on an idle host."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final

MAX_TURN: Final = 0.01
"""Seconds that a turn of the event loop should take at most: after a longer one fewer checks begin in the next."""

MAX_BEGINNINGS: Final = 24
"""Checks that may begin in one turn, however short the turns are: an answer to the first waits for its end."""

_GROWTH: Final = 1.25
_SHRINKAGE: Final = 0.5


class Admission:
    """Limits how many checks begin in each turn of the event loop, so that turns stay short; the others wait in order.

    Its state: how many may begin in a turn, how many have begun in this turn, and the waiting ones.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._limit: float = MAX_BEGINNINGS
        self._begun = 0
        self._turn_began = 0.0
        self._waiting: deque[Callable[[], None]] = deque()

    def admit(self, begin: Callable[[], None], *, first: bool = False) -> None:
        """Call ``begin`` now or in a later turn of the event loop; with ``first``, before all waiting checks."""
        if not self._begun:
            self._turn_began = self._loop.time()
            self._loop.call_soon(self._next_turn)
        elif self._begun >= self._limit:
            (self._waiting.appendleft if first else self._waiting.append)(begin)
            return
        self._begun += 1
        begin()

    def _next_turn(self) -> None:
        now = self._loop.time()
        seconds, self._turn_began = now - self._turn_began, now
        change = MAX_TURN / seconds if seconds > 0 else _GROWTH
        self._limit = max(1.0, min(MAX_BEGINNINGS, self._limit * max(_SHRINKAGE, min(change, _GROWTH))))
        self._begun = 0
        if self._waiting:
            self._loop.call_soon(self._next_turn)  # first, should one of them fail
        while self._waiting and self._begun < self._limit:
            self._begun += 1
            self._waiting.popleft()()
