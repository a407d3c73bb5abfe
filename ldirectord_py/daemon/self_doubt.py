"""Says that the director or its network may be the fault where nearly all servers begin to fail together.

It changes no verdict.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Final, NoReturn

from ldirectord_py.address import Address
from ldirectord_py.checks.codes import ReasonCode
from ldirectord_py.daemon.reconciler.director import Director
from ldirectord_py.mass_failure import MAX_PASSING, MassFailure, WatchedServer
from ldirectord_py.report.events import Checked, ConfigInForce, Event, SelfDoubted
from ldirectord_py.runtime.waiting import repeat

TICK_INTERVAL: Final = 0.5
"""Seconds between two looks whether a doubt is over."""


class SelfDoubt:
    """A Listener. Its state: which servers fail, the servers of a doubt that lasts, and since when some of them pass.

    A doubt says nothing any more of those that have ``_recovered``: a few that pass while most go on failing, perhaps
    for days.
    """

    def __init__(self, director: Director, clock: Callable[[], float] = time.monotonic) -> None:
        self._director = director
        self._clock = clock
        self._failures = MassFailure()
        self._is_outdated = True
        self._doubted: set[Address] = set()
        self._recovered: set[Address] = set()
        self._total = 0
        self._recovering_since: float | None = None

    def __call__(self, event: Event) -> None:
        """Record what a check says of a server, and begin to doubt."""
        if isinstance(event, ConfigInForce):
            self._is_outdated = True
        elif isinstance(event, Checked) and event.code is not ReasonCode.MAINT:
            self._record(event)

    def is_suspected(self) -> bool:
        """Return whether servers began to fail, and hardly any check has passed since."""
        return self._failures.is_suspected(self._clock(), self._passed())

    def is_doubted(self, address: Address) -> bool:
        """Return whether what is said of all servers that fail together is said of this one too."""
        return address in self._doubted and address not in self._recovered

    async def run(self) -> NoReturn:
        """Look for ever whether the doubt is over."""
        await repeat(self.tick, TICK_INTERVAL, "Looking whether servers pass again failed")

    def tick(self) -> None:
        """End the doubt if all servers pass again, or if most do an interval after the first one."""
        if not self._doubted:
            return
        self._update_watched()
        now, still = self._clock(), self._failures.still_failing(self._doubted)
        if still and len(still) == len(self._doubted):
            self._recovering_since = None
            return
        if self._recovering_since is None:
            self._recovering_since = now
        if still and now - self._recovering_since < self._failures.window(self._doubted):
            return
        if len(still) > len(self._doubted) * (1 - MAX_PASSING):
            self._recovering_since = now
            self._recovered |= self._doubted.difference(still)
        else:
            self._end(still)

    def _record(self, event: Checked) -> None:
        key, address = event.key, event.real.server
        if not event.transition.after.failures:
            self._failures.end_failure(key, address)
            return
        self._update_watched()
        now = self._clock()
        self._failures.add_failure(key, address, now, self._passed())
        doubted = self._failures.massive(now)
        if self._doubted:
            self._doubted |= doubted
            self._recovered -= doubted
        elif doubted:
            self._doubted, self._total = set(doubted), len(doubted) + self._failures.passing
            self._director.publish(SelfDoubted(len(doubted), self._total))

    def _update_watched(self) -> None:
        if self._is_outdated:
            self._failures.watch(self._watched())
            self._is_outdated = False

    def _end(self, still: list[Address]) -> None:
        names = tuple(sorted(map(str, still)))
        event = SelfDoubted(len(self._doubted), max(self._total, len(self._doubted)), over=True, still=names)
        self._doubted, self._recovered, self._recovering_since = set(), set(), None
        self._director.publish(event)

    def _watched(self) -> Iterator[WatchedServer]:
        for check, reals in self._director.compiled.plan.items():
            for real in reals:
                yield WatchedServer(real.key, real.real.server, check.interval + check.target.timeout)

    def _passed(self) -> int:
        return self._director.tracker.results.counters.passed()
