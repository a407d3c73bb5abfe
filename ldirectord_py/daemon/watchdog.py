"""The watchdog of the service manager: it is reset while the daemon makes progress, not while its loop merely turns."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from ldirectord_py.checks.probe import MAX_PROBES
from ldirectord_py.daemon.reconciler.director import Director
from ldirectord_py.instance.sd_notify import SdNotify
from ldirectord_py.ipvs.netlink.client import CALL_TIMEOUT
from ldirectord_py.runtime.incidents import OngoingFault

logger = logging.getLogger(__name__)

BEATS: Final = 4
"""How many times the watchdog is reset in its time."""

PROBE_TIMEOUT: Final = 30.0
"""Seconds beyond interval and timeouts in which a probe of any check has to end."""

WRITE_TIMEOUT: Final = 4 * CALL_TIMEOUT
"""Seconds for a step of the kernel's writer: it may wait for a former call, the module, and its own."""


@dataclass(frozen=True, slots=True)
class Activity:
    """What the daemon has to go on with: ``steps`` returns how many were done, ``is_due`` whether there is one to do.

    ``timeout`` returns the seconds that a step may take on a slow host; ``complaint`` says that none was done.
    """

    complaint: str
    steps: Callable[[], int]
    is_due: Callable[[], bool]
    timeout: Callable[[], float]


def activities_of(director: Director) -> tuple[Activity, ...]:
    """Return what a director has to go on with: probing, and writing to the kernel."""

    def probe_timeout() -> float:
        checks = director.compiled.plan
        longest = max(max(each.target.timeout, each.connect_timeout) for each in checks)
        return min(each.max_interval for each in checks) + MAX_PROBES * longest + PROBE_TIMEOUT

    probing = Activity(
        "No probe ends, though some are due",
        director.tracker.results.counters.recorded,
        lambda: bool(director.compiled.plan),
        probe_timeout,
    )
    writing = Activity(
        "The kernel's table is not written, though rows are due",
        lambda: director.sync.steps,
        lambda: director.is_write_due,
        lambda: WRITE_TIMEOUT,
    )
    return probing, writing


class Watchdog:
    """Resets the manager's watchdog while all activities go on: of each a step was done, or none is due.

    A host that is slow or stands still is not to blame: a pause counts as two beats at most. After a reload to shorter
    intervals the next step may take as long as before. Its state: when it looked last; of each activity, how many steps
    were done then, for how many seconds none was, and for how many none may be; and whether one is stuck.
    """

    def __init__(self, notify: SdNotify, activities: Sequence[Activity]) -> None:
        self._notify = notify
        self._activities = activities
        self._steps = [each.steps() for each in activities]
        self._waited = [0.0 for _ in activities]
        self._timeouts = [0.0 for _ in activities]
        self._last: float | None = None
        self._fault = OngoingFault()

    async def run(self) -> None:
        """Look at the activities and reset the watchdog, for ever; return at once if the manager has none."""
        if (seconds := self._notify.watchdog) is None:
            return
        loop = asyncio.get_running_loop()
        while True:
            self.beat(loop.time(), seconds / BEATS)
            await asyncio.sleep(seconds / BEATS)

    def beat(self, now: float, interval: float) -> None:
        """Reset the watchdog, unless an activity is stuck, which is logged once; ``interval`` is that of the beats."""
        seconds = 0.0 if self._last is None else min(now - self._last, 2 * interval)
        self._last = now
        stuck = [each.complaint for at, each in enumerate(self._activities) if self._is_stuck(at, each, seconds)]
        if not stuck:
            self._notify.reset_watchdog()
            if self._fault.clear():
                logger.warning("This daemon makes progress again: its watchdog is reset")
        elif self._fault.record(reason := "; ".join(stuck)):
            logger.critical("%s: the watchdog of this daemon is reset no more", reason)

    def _is_stuck(self, at: int, activity: Activity, seconds: float) -> bool:
        steps = activity.steps()
        if steps != self._steps[at] or not activity.is_due():
            self._steps[at], self._waited[at], self._timeouts[at] = steps, 0.0, 0.0
            return False
        self._waited[at] += seconds
        self._timeouts[at] = max(self._timeouts[at], activity.timeout())
        return self._waited[at] > self._timeouts[at]
