"""Probes each check on its own timer, one probe at a time, spread over the interval.

::

    set_checks -- spread --> due -- admission --> begin -- room --> probe -- report --> next: its own slot
                              ^          ^                            |                       |
                              |          +--------- in doubt ---------+                       |
                              +------------------------ timer wheel --------------------------+
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection
from contextlib import suppress
from typing import Final

from ldirectord_py.checks.base import Check, Checker, Result
from ldirectord_py.checks.probe import concluded, probe
from ldirectord_py.checks.transport.handshakes import Handshake
from ldirectord_py.daemon.probing.admission import Admission
from ldirectord_py.daemon.probing.in_flight import InFlightLimiter
from ldirectord_py.daemon.probing.pacing import Pacing
from ldirectord_py.daemon.probing.probe_counts import ProbeCounts
from ldirectord_py.daemon.probing.slots import Slots, slot_grid
from ldirectord_py.health import Verdict
from ldirectord_py.runtime.limiter import AcquireBoth, Room
from ldirectord_py.runtime.stalls import stall_meter
from ldirectord_py.runtime.timer_wheel import current_wheel, on_tick

logger = logging.getLogger(__name__)

FIRST_PROBE_INTERVAL: Final = 0.005
"""Seconds between the first probes of checks that are added together, if that fits into their interval."""

LATE_WARNING_INTERVAL: Final = 60.0
"""Seconds between two log lines that say that checks begin late."""

MAX_IN_FLIGHT: Final = 10_000
"""Checks in flight, until ``in_flight.limit`` is set."""


class Prober:
    """Probes each of its checks, and reports every Result.

    A check is probed at once, then once in its own slot of the interval: the probes of many checks spread evenly. A
    check with a ``pace`` leaves its slots while its server is down or its verdict is not settled. A probe that outlasts
    the interval is followed by the next one at once, and then its check is back in its slots. A probe that has to wait
    for its room waits before its deadline begins. Where more probes are due than this process can do, they begin late,
    in order. A probe that fails while this process stood still is repeated at once, up to three times. ``on_begin`` is
    called with the seconds by which each probe begins late.
    """

    def __init__(
        self,
        report: Callable[[Check, Result], None],
        checker_for: Callable[[Check], Checker],
        room_for: Callable[[Check], Room | None],
        on_begin: Callable[[Check, float], None] | None = None,
    ) -> None:
        self.wheel = current_wheel()
        self.loop = self.wheel.loop
        self.admission = Admission(self.loop)
        self.in_flight = InFlightLimiter(MAX_IN_FLIGHT)
        self.on_begin = on_begin
        self._report = report
        self._checker_for = checker_for
        self._room_for = room_for
        self._next_warning = 0.0
        self._begun_late = 0
        self._repeated = 0
        self._scheduled: dict[Check, _ScheduledCheck] = {}
        self._slots = Slots()

    def set_checks(self, checks: Collection[Check]) -> None:
        """Probe exactly these checks; checks that stay are not interrupted, nor is their probe in flight."""
        wanted = dict.fromkeys(checks)
        for check in self._scheduled.keys() - wanted.keys():
            self._scheduled.pop(check).end()
        new = [check for check in wanted if check not in self._scheduled]
        now, grid = self.loop.time(), slot_grid(check.interval for check in wanted)
        for index, check in enumerate(new):
            begins = on_tick(now + index * min(FIRST_PROBE_INTERVAL, check.interval / len(new)))
            self._scheduled[check] = scheduled = _ScheduledCheck(
                self, check, self._checker_for(check), self._whole_room_for(check)
            )
            scheduled.start(begins, self._slots.next_slot(check.interval, grid, begins))

    async def probe_once(self, check: Check) -> Result:
        """Return the result of a probe at once, which is not reported; the slots of the check stay as they are.

        To be called in a task of its own. A probe in doubt is repeated, as others are.
        """
        checker, room = self._checker_for(check), self._whole_room_for(check)
        probes = 0
        while True:
            async with room:
                result = await probe(checker, check.target)
            probes += 1
            if probes >= result.conclusive_after:
                return concluded(result)
            self.count_repeated()

    @property
    def counts(self) -> ProbeCounts:
        """How often this process stood still, and how many probes were repeated."""
        meter = stall_meter()
        return ProbeCounts(meter.stalls, meter.stalled_seconds, self._repeated)

    def count_repeated(self) -> None:
        """Count a probe that is repeated."""
        self._repeated += 1

    async def close(self) -> None:
        """End all probes."""
        tasks = [scheduled.task for scheduled in self._scheduled.values() if scheduled.task]
        self.set_checks(())
        await asyncio.gather(*tasks, return_exceptions=True)

    def warn_late(self, check: Check, seconds: float) -> None:
        """Log that a probe begins late by more than its interval, or count it for the next such line."""
        self._begun_late += 1
        if (now := self.loop.time()) < self._next_warning:
            return
        self._next_warning = now + LATE_WARNING_INTERVAL
        count, self._begun_late = self._begun_late, 0
        hint = "raise maxexternal, maxchecks or checkinterval, or give this host more to work with"
        logger.warning(
            "A check of kind %s begins %.1f s after it was due, %d were as late since the start or the last such "
            "line; %s",
            *(check.kind, seconds, count, hint),
        )

    def report(self, check: Check, result: Result) -> None:
        """Report the result of a probe."""
        if logger.isEnabledFor(logging.DEBUG):
            logger.debug("%s %s:%s %s", check.kind, check.target.address, check.target.port, result)
        try:
            self._report(check, result)
        except Exception:  # a fault of the director must not end the check
            logger.exception("A result of %s got lost", check)

    def _whole_room_for(self, check: Check) -> Room:
        """Return the room that each probe of the check has to acquire, including room in flight."""
        room = self._room_for(check)
        if room is None:
            return self.in_flight
        # Room for a handshake expires, so it is acquired last. Checks that wait for a command's are not in flight.
        return AcquireBoth(self.in_flight, room) if isinstance(room, Handshake) else AcquireBoth(room, self.in_flight)


class _ScheduledCheck:
    """One check and its timer.

    Its state: when its probe ``begins``, when the next one is ``due``, the ``interval`` after that, and how many
    ``probes`` in a row ended in doubt; the ``pacing`` of a check whose interval changes; whether its last time to begin
    was put off, which is not done twice in a row: where each turn of the loop outlasts the interval, it would never
    begin.
    """

    __slots__ = (
        *("_begins", "_check", "_checker", "_due", "_interval", "_pacing", "_prober", "_probes", "_put_off", "_room"),
        "task",
    )

    def __init__(self, prober: Prober, check: Check, checker: Checker, room: Room) -> None:
        self._prober: Prober | None = prober
        self._check = check
        self._checker = checker
        self._room = room
        self._begins = self._due = 0.0
        self._interval = check.interval
        self._pacing: Pacing | None = None
        self._probes = 0
        self._put_off = False
        self.task: asyncio.Task[None] | None = None

    def start(self, begins: float, due: float) -> None:
        """Schedule the first probe, and the time of the second one."""
        self._begins, self._due = begins, due
        if self._check.pace is not None:
            self._pacing = Pacing(self._check.pace, self._interval, due)
        if self._prober is not None:
            self._prober.wheel.post(begins, self)

    def end(self) -> None:
        """Probe no more, and cancel the probe in flight."""
        self._prober = None
        if self.task:
            self.task.cancel()
            self.task.add_done_callback(_drop_error)
            self.task = None

    def __call__(self) -> None:
        """Let a probe begin; the timer wheel calls this when it is due."""
        if (prober := self._prober) is None:
            return
        now = prober.loop.time()
        late = now - self._begins
        self._put_off = late >= self._interval and not self._put_off
        if not self._put_off:
            prober.admission.admit(self._begin)
            return
        if prober.on_begin is not None:
            prober.on_begin(self._check, late)
        prober.warn_late(self._check, late)
        self._advance(now)  # this host slept: each check goes on in its slot, without a burst
        self._begins, self._due = self._due, self._due + self._interval
        prober.wheel.post(self._begins, self)

    def _begin(self) -> None:
        if (prober := self._prober) is not None:
            self.task = prober.loop.create_task(self._probe(prober))

    async def _probe(self, prober: Prober) -> None:
        room, repeat = self._room, False
        try:
            if not room.try_acquire():
                await room.acquire()
            try:
                if not self._probes:
                    self._observe_lateness(prober)
                result = await probe(self._checker, self._check.target)
            finally:
                room.release()
            self._probes += 1
            repeat = self._probes < result.conclusive_after
            if not repeat:
                self._probes = 0
                result = concluded(result)
                prober.report(self._check, result)
                if self._pacing is not None:
                    self._set_pace(self._pacing, result.verdict)
        finally:
            self.task = None
            if self._prober is not None:
                self._schedule_next(prober, repeat=repeat)

    def _set_pace(self, pacing: Pacing, verdict: Verdict) -> None:
        due = pacing.due_after(verdict, self._begins)
        if due is not None:
            self._interval, self._due = pacing.interval, due

    def _observe_lateness(self, prober: Prober) -> None:
        late = prober.loop.time() - self._begins
        if prober.on_begin is not None:
            prober.on_begin(self._check, late)
        if late > self._interval:
            prober.warn_late(self._check, late)

    def _schedule_next(self, prober: Prober, *, repeat: bool) -> None:
        """Schedule the next probe: in its slot, or as soon as possible to repeat one that ended in doubt."""
        if repeat:
            prober.count_repeated()
            prober.admission.admit(self._begin, first=True)
        else:
            self._advance(prober.loop.time())
            prober.wheel.post(self._begins, self)

    def _advance(self, now: float) -> None:
        """Set the next probe to its slot, or to now if that has passed, and the one after it to its slot."""
        interval = self._interval
        self._begins = max(self._due, now)
        self._due += ((self._begins - self._due) // interval + 1) * interval


def _drop_error(task: asyncio.Task[None]) -> None:
    """Drop the error of a cancelled task: its traceback refers to the task, and the collector may skip both."""
    with suppress(asyncio.CancelledError):
        task.result()
