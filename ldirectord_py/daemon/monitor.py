"""Every check on a clock of its own: one task each, one probe in flight, started spread over the interval."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection
from contextlib import AbstractAsyncContextManager
from typing import Final

from ldirectord_py.checks.base import Check, Checker, Result
from ldirectord_py.checks.probe import probe

logger = logging.getLogger(__name__)

FIRST_PROBES_APART: Final = 0.005
"""Seconds between the first probes of checks that begin together, while that fits into their interval."""

WARN_EVERY: Final = 60.0
"""Seconds after which it is said again that checks begin late."""

_GOLDEN: Final = 0.6180339887498949


class Monitor:
    """Probes each check that it follows, and reports every Result.

    A check is probed at once, then once in its own slot of the interval, so that the probes of many checks
    spread evenly however many there are. A probe that outlasts the interval delays only its own successor; one
    that has to wait for its turn waits before its deadline begins. ``late`` is told by how many seconds each probe
    begins after it was due.
    """

    def __init__(
        self,
        report: Callable[[Check, Result], None],
        checker_for: Callable[[Check], Checker],
        turn_for: Callable[[Check], AbstractAsyncContextManager[None]],
        late: Callable[[Check, float], None] = lambda check, seconds: None,
    ) -> None:
        self._report = report
        self._checker_for = checker_for
        self._turn_for = turn_for
        self._late = late
        self._warn_at = 0.0
        self._tasks: dict[Check, asyncio.Task[None]] = {}
        self._slot = 0.0

    def follow(self, checks: Collection[Check]) -> None:
        """Follow exactly these checks; those followed already go on undisturbed, probe in flight included."""
        wanted = dict.fromkeys(checks)
        for check in self._tasks.keys() - wanted.keys():
            self._tasks.pop(check).cancel()
        new = [check for check in wanted if check not in self._tasks]
        for index, check in enumerate(new):
            self._slot = (self._slot + _GOLDEN) % 1
            wait = index * min(FIRST_PROBES_APART, check.interval / len(new))
            self._tasks[check] = asyncio.create_task(self._watch(check, wait, self._slot))

    async def close(self) -> None:
        """End all probes."""
        tasks = list(self._tasks.values())
        self.follow(())
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _watch(self, check: Check, wait: float, slot: float) -> None:
        clock = asyncio.get_running_loop().time
        checker, turn = self._checker_for(check), self._turn_for(check)
        began = clock()
        await asyncio.sleep(wait)
        begins = began + wait
        due = began + slot * check.interval + (check.interval if slot * check.interval < wait else 0)
        while True:
            async with turn:
                self._note(check, clock() - begins)
                result = await probe(checker, check.target)
            self._tell(check, result)
            due = max(due, clock())
            await asyncio.sleep(due - clock())
            if (missed := (clock() - due) // check.interval) > 0:
                due += (missed + 1) * check.interval  # this host slept: each in its slot, not all of them now
                await asyncio.sleep(due - clock())
            begins, due = due, due + check.interval

    def _note(self, check: Check, late: float) -> None:
        """Tell how late a probe begins, in the log too if that is more than its interval."""
        self._late(check, late)
        now = asyncio.get_running_loop().time()
        if late > check.interval and now >= self._warn_at:
            self._warn_at = now + WARN_EVERY
            mend = "raise maxexternal or checkinterval, or give this host more to work with"
            logger.warning("A check of kind %s begins %.1f s after it was due; %s", check.kind, late, mend)

    def _tell(self, check: Check, result: Result) -> None:
        logger.debug("%s %s:%s %s", check.kind, check.target.address, check.target.port, result)
        try:
            self._report(check, result)
        except Exception:  # a fault of the director must not end the check
            logger.exception("A result of %s got lost", check)
