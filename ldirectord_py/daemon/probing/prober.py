"""Every check on a clock of its own, one probe in flight, started spread over the interval.

::

    follow -- spread --> due -- admission --> begin -- turn, flight --> probe -- report --> next: its own slot
                          ^          ^                                    |                  |
                          |          +--------------- in doubt -----------+                  |
                          +----------------------- the timer wheel --------------------------+
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection
from contextlib import AbstractAsyncContextManager, suppress
from typing import Final

from ldirectord_py.checks.base import Check, Checker, Result
from ldirectord_py.checks.probe import concluded, probe
from ldirectord_py.checks.transport.handshakes import Handshake
from ldirectord_py.daemon.probing.admission import Admission
from ldirectord_py.daemon.probing.in_flight import InFlightLimiter
from ldirectord_py.runtime.limiter import AcquireBoth
from ldirectord_py.runtime.timer_wheel import current_wheel, on_tick

logger = logging.getLogger(__name__)

FIRST_PROBES_APART: Final = 0.005
"""Seconds between the first probes of checks that begin together, while that fits into their interval."""

WARN_EVERY: Final = 60.0
"""Seconds after which it is said again that checks begin late."""

AT_ONCE: Final = 10_000
"""How many checks may be in flight, unless somebody says better."""

_GOLDEN: Final = 0.6180339887498949


class Prober:
    """Probes each check that it follows, and reports every Result.

    A check is probed at once, then once in its own slot of the interval, so that the probes of many checks
    spread evenly however many there are. A probe that outlasts the interval is followed at once, and then its check
    is back in its slots. One that has to wait for its turn, or for room in ``flight``, waits before its deadline
    begins. Where more are due than this process can do, they begin late, in their order. A probe that fails while this
    process stood still is repeated at once, up to three times. ``late`` is told by how many seconds each probe
    begins after it was due.
    """

    def __init__(
        self,
        report: Callable[[Check, Result], None],
        checker_for: Callable[[Check], Checker],
        turn_for: Callable[[Check], AbstractAsyncContextManager[None] | None],
        late: Callable[[Check, float], None] = lambda check, seconds: None,
    ) -> None:
        self.wheel = current_wheel()
        self.loop = self.wheel.loop
        self.admission = Admission(self.loop)
        self.in_flight = InFlightLimiter(AT_ONCE)
        self._report = report
        self._checker_for = checker_for
        self._turn_for = turn_for
        self._late = late
        self._warn_at = 0.0
        self._begun_late = 0
        self._watches: dict[Check, _ScheduledCheck] = {}
        self._slot = 0.0

    def follow(self, checks: Collection[Check]) -> None:
        """Follow exactly these checks; those followed already go on undisturbed, probe in flight included."""
        wanted = dict.fromkeys(checks)
        for check in self._watches.keys() - wanted.keys():
            self._watches.pop(check).end()
        new = [check for check in wanted if check not in self._watches]
        now = self.loop.time()
        for index, check in enumerate(new):
            self._slot = (self._slot + _GOLDEN) % 1
            wait = index * min(FIRST_PROBES_APART, check.interval / len(new))
            slot = self._slot * check.interval
            due = now + slot + (check.interval if slot < wait else 0)
            self._watches[check] = watch = _ScheduledCheck(self, check, self._checker_for(check), self._room_for(check))
            watch.start(on_tick(now + wait), on_tick(due))

    async def close(self) -> None:
        """End all probes."""
        tasks = [watch.task for watch in self._watches.values() if watch.task]
        self.follow(())
        await asyncio.gather(*tasks, return_exceptions=True)

    def note(self, check: Check, late: float) -> None:
        """Tell how late a probe begins, in the log too if that is more than its interval."""
        self._late(check, late)
        if late <= check.interval:
            return
        self._begun_late += 1
        if (now := self.loop.time()) >= self._warn_at:
            self._warn_at = now + WARN_EVERY
            count, self._begun_late = self._begun_late, 0
            fix = "raise maxexternal, maxchecks or checkinterval, or give this host more to work with"
            logger.warning(
                "A check of kind %s begins %.1f s after it was due, %d were as late since the start or the last such "
                "line; %s",
                *(check.kind, late, count, fix),
            )

    def _room_for(self, check: Check) -> AbstractAsyncContextManager[None]:
        """Return what each probe of the check has to hold."""
        turn = self._turn_for(check)
        if turn is None:
            return self.in_flight
        # A handshake's turn runs out, so it comes last; a command's does not, and its wait takes no room in flight.
        return AcquireBoth(self.in_flight, turn) if isinstance(turn, Handshake) else AcquireBoth(turn, self.in_flight)

    def tell(self, check: Check, result: Result) -> None:
        """Report what a probe has found."""
        if logger.isEnabledFor(logging.DEBUG):
            logger.debug("%s %s:%s %s", check.kind, check.target.address, check.target.port, result)
        try:
            self._report(check, result)
        except Exception:  # a fault of the director must not end the check
            logger.exception("A result of %s got lost", check)


class _ScheduledCheck:
    """One check on its clock.

    Its state: when its probe ``begins``, when the next one is ``due``, and how many ``probes`` in a row ended in doubt.
    """

    __slots__ = ("_begins", "_check", "_checker", "_due", "_monitor", "_probes", "_room", "task")

    def __init__(
        self, monitor: Prober, check: Check, checker: Checker, room: AbstractAsyncContextManager[None]
    ) -> None:
        self._monitor: Prober | None = monitor
        self._check = check
        self._checker = checker
        self._room = room
        self._begins = self._due = 0.0
        self._probes = 0
        self.task: asyncio.Task[None] | None = None

    def start(self, begins: float, due: float) -> None:
        """Begin the first probe and the second one then."""
        self._begins, self._due = begins, due
        if self._monitor is not None:
            self._monitor.wheel.schedule(begins, self)

    def end(self) -> None:
        """Probe no more, and drop the probe in flight."""
        self._monitor = None
        if self.task:
            self.task.cancel()
            self.task.add_done_callback(_drop_error)
            self.task = None

    def __call__(self) -> None:
        """Have a probe begin: what the wheel calls when it is due."""
        if self._monitor is None:
            return
        loop = self._monitor.loop
        if (late := loop.time() - self._begins) >= self._check.interval:
            self._monitor.note(self._check, late)
            self._next(loop.time())  # this host slept: each in its slot, not all of them now
            self._begins, self._due = self._due, self._due + self._check.interval
            self._monitor.wheel.schedule(self._begins, self)
        else:
            self._monitor.admission.admit(self._begin)

    def _begin(self) -> None:
        if self._monitor is not None:
            self.task = self._monitor.loop.create_task(self._probe(self._monitor))

    async def _probe(self, monitor: Prober) -> None:
        repeat = False
        try:
            async with self._room:
                if not self._probes:
                    monitor.note(self._check, monitor.loop.time() - self._begins)
                result = await probe(self._checker, self._check.target)
            self._probes += 1
            repeat = self._probes < result.conclusive_after
            if not repeat:
                self._probes = 0
                monitor.tell(self._check, concluded(result))
        finally:
            self.task = None
            if self._monitor is not None:
                self._continue(monitor, repeat=repeat)

    def _continue(self, monitor: Prober, *, repeat: bool) -> None:
        """Have the next probe begin: in its slot, or as soon as possible to repeat one that ended in doubt."""
        if repeat:
            monitor.admission.admit(self._begin, first=True)
        else:
            self._next(monitor.loop.time())
            monitor.wheel.schedule(self._begins, self)

    def _next(self, now: float) -> None:
        """Let the next probe begin in its slot, or now where that has passed, and the one after it in its slot."""
        interval = self._check.interval
        self._begins = max(self._due, now)
        self._due += ((self._begins - self._due) // interval + 1) * interval


def _drop_error(task: asyncio.Task[None]) -> None:
    """Have a cancelled task drop its error, whose traceback refers to the task: the collector may pass over both."""
    with suppress(asyncio.CancelledError):
        task.result()
