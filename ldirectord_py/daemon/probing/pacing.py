"""When a check is probed next whose interval depends on its verdicts (``fastinterval``, ``downinterval``)."""

from __future__ import annotations

import math
from typing import Final

from ldirectord_py.health import HealthState, Pace, Verdict

_EARLY: Final = 1e-6
"""The part of an interval by which a probe may begin before its slot, as sums of floats are not exact."""


class Pacing:
    """The interval of one check, and its slots: ``slot`` is the time of any of them.

    Its state: the ``interval`` now, and the state that the verdicts have led to.
    """

    __slots__ = ("_normal", "_pace", "_slot", "_state", "interval")

    def __init__(self, pace: Pace, interval: float, slot: float) -> None:
        self.interval = interval
        self._pace = pace
        self._normal = interval
        self._slot = slot
        self._state = HealthState(up=True)

    def due_after(self, verdict: Verdict, began: float) -> float | None:
        """Return when the next probe is due if this verdict changes the interval, else None; ``began``: this probe.

        A check that gets back to its normal interval gets back to its slots, which are spread evenly.
        """
        before, self._state = self._state, self._state.after(verdict, self._pace.rules)
        if self._state is before or (interval := self._pace.interval(self._state, self._normal)) == self.interval:
            return None
        self.interval = interval
        if interval != self._normal:
            return began + interval
        return self._slot + (math.floor((began - self._slot) / interval + _EARLY) + 1) * interval
