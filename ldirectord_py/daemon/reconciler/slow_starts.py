"""The servers whose weight rises, as they came back after their checks had taken them down (``slowstart``)."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from typing import Final, NamedTuple

from ldirectord_py.compiled_real import CompiledReal
from ldirectord_py.daemon.reconciler.compiled_config import CompiledVirtual
from ldirectord_py.ipvs.table import DestinationKey, ServiceKey
from ldirectord_py.report.events import Checked
from ldirectord_py.slow_start import WHOLE, Ramp

MIN_STEP_INTERVAL: Final = 0.1
"""Seconds between two steps at least: those of many servers that came back one after the other are written together."""


class _SlowStart(NamedTuple):
    """The ramp of a server, and the verdict that has brought it back."""

    ramp: Ramp
    cause: Checked


def _loop_time() -> float:
    return asyncio.get_running_loop().time()


class SlowStarts:
    """Its state: the servers that failed and are not back, and the ramps of those that came back.

    Also how many ``tenths`` of its weight each of the latter has now, and when the next step is ``due``, on the loop's
    clock.
    """

    def __init__(self, clock: Callable[[], float] = _loop_time) -> None:
        self.tenths: dict[DestinationKey, int] = {}
        self.due = math.inf
        self._clock = clock
        self._failed: set[DestinationKey] = set()
        self._running: dict[DestinationKey, _SlowStart] = {}

    @property
    def failed(self) -> AbstractSet[DestinationKey]:
        """The servers that their checks have taken down, and that are not back."""
        return self._failed

    def record_failure(self, key: DestinationKey) -> None:
        """Record that the checks of a server have taken it down: when it comes up, that is a recovery."""
        self._failed.add(key)

    def forget_failure(self, key: DestinationKey) -> None:
        """Record that an operator has taken a server in hand: when it comes up, that is no recovery."""
        self._failed.discard(key)

    def follow_change(self, real: CompiledReal, change: Checked) -> None:
        """Begin with a tenth where a change is a recovery; give up the ramp of a server that goes down."""
        self._drop(real.key)
        if change.transition.rose and real.key in self._failed:
            self._failed.discard(real.key)
            self._start_slowly(real, change)

    def _start_slowly(self, real: CompiledReal, cause: Checked) -> None:
        if real.virtual.slowstart is None or real.real.weight <= 1:
            return
        ramp = Ramp(self._clock(), real.virtual.slowstart)
        self._running[real.key] = _SlowStart(ramp, cause)
        self.tenths[real.key] = 1
        self.due = min(self.due, ramp.until(1))

    def advance(self) -> Mapping[DestinationKey, Checked]:
        """Take the steps that are due; return the servers that now have more, each with the cause of its recovery."""
        now = self._clock()
        if now < self.due:
            return {}
        risen: dict[DestinationKey, Checked] = {}
        for key, (ramp, cause) in list(self._running.items()):
            if (tenths := ramp.tenths(now)) > self.tenths[key]:
                risen[key] = cause
                self.tenths[key] = tenths
            if tenths == WHOLE:
                self._drop(key)
        ends = (ramp.until(self.tenths[key]) for key, (ramp, _) in self._running.items())
        self.due = max(min(ends, default=math.inf), now + MIN_STEP_INTERVAL)
        return risen

    def keep_virtuals(self, virtuals: Mapping[ServiceKey, CompiledVirtual]) -> None:
        """Keep what these virtuals still have; where ``slowstart`` is off now, all servers have their whole weight."""
        if not (self._failed or self._running):
            return
        reals = {key for virtual in virtuals.values() for key in virtual.reals}
        self._failed.intersection_update(reals)
        for key in list(self._running):
            if key not in reals or virtuals[key.service].virtual.slowstart is None:
                self._drop(key)

    def _drop(self, key: DestinationKey) -> None:
        if self._running.pop(key, None) is not None:
            del self.tenths[key]
