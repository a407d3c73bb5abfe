"""Timers that fire in ticks: one wake-up serves all calls that are due in the same tick."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable
from itertools import chain
from typing import Final, NamedTuple

from ldirectord_py.runtime.loop_local import LoopLocal

logger = logging.getLogger(__name__)

TICK: Final = 1 / 32
"""Seconds between two ticks; a power of two, so that intervals of whole seconds are exact multiples."""


def on_tick(due: float) -> float:
    """Return the first tick that is not before ``due``; both are times of the event loop, in seconds."""
    return math.ceil(due / TICK) * TICK


class _Calls(NamedTuple):
    """The calls of one tick: those that cannot be cancelled come first."""

    posted: list[Callable[[], None]]
    cancellable: dict[Callable[[], None], None]


class TimerWheel:
    """Calls each scheduled function once, at most a tick after it is due. Its state: the scheduled calls by tick."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._scheduled: dict[float, _Calls] = {}

    def schedule(self, due: float, call: Callable[[], None]) -> float:
        """Call this in the tick of ``due``, or as soon as possible where that has passed; return the tick."""
        tick = on_tick(due)
        (self._scheduled.get(tick) or self._add_tick(tick)).cancellable[call] = None
        return tick

    def post(self, due: float, call: Callable[[], None]) -> None:
        """Schedule a call that cannot be cancelled: while it waits, it takes 10 bytes instead of 45."""
        tick = on_tick(due)
        (self._scheduled.get(tick) or self._add_tick(tick)).posted.append(call)

    def cancel(self, tick: float, call: Callable[[], None]) -> None:
        """Cancel a call, unless its tick has fired."""
        if calls := self._scheduled.get(tick):
            calls.cancellable.pop(call, None)  # uvloop fires up to a millisecond early: the tick may be there again

    def _add_tick(self, tick: float) -> _Calls:
        calls = self._scheduled[tick] = _Calls([], {})
        self.loop.call_at(tick, self._fire, tick)
        return calls

    def _fire(self, tick: float) -> None:
        for call in chain(*self._scheduled.pop(tick)):
            try:
                call()
            except Exception:  # one call that fails must not stop the others of the tick
                logger.exception("A timer failed: %r", call)


current_wheel = LoopLocal(TimerWheel)
"""Returns the timer wheel of the running event loop."""
