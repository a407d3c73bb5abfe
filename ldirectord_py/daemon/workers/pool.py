"""``fork = yes``: the checks in worker processes, each with its share, so that every core can probe."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Collection
from functools import cache
from typing import Final

from ldirectord_py.checks.base import Check, Result
from ldirectord_py.checks.registry import is_command
from ldirectord_py.config.model import Globals
from ldirectord_py.daemon.workers.messages import Limits
from ldirectord_py.daemon.workers.supervisor import WorkerSupervisor

WORTH_A_WORKER: Final = 200
"""Checks for which a worker is started unless ``workers`` is set: it takes 20 MB, and they a few percent of a core."""

logger = logging.getLogger(__name__)


class WorkerPool:
    """Probes each check that it follows, as Monitor does, in other processes.

    A check stays with its worker as long as both last, whatever a reload changes around it; only workers that come to
    others take a part of theirs. Its state: the workers, and for each check its number and whose it is.
    """

    def __init__(self, report: Callable[[Check, Result], None]) -> None:
        self._report = report
        self._last = 0
        self._shares: list[WorkerSupervisor] = []
        self._homes: dict[Check, tuple[int, WorkerSupervisor]] = {}
        self._checks: dict[int, Check] = {}

    @property
    def pids(self) -> list[int]:
        """The processes that run."""
        return [share.pid for share in self._shares if share.pid is not None]

    def follow(self, checks: Collection[Check], workers: int, limits: Limits) -> list[WorkerSupervisor]:
        """Follow exactly these checks in so many workers, which keep to the limits together.

        Return the workers that are of no more use, to be closed.
        """
        wanted = dict.fromkeys(checks)
        shares = split_limits(limits, workers)
        most = -(-len(wanted) // workers) if workers > len(self._shares) else len(wanted)
        former, self._shares = self._shares[workers:], self._shares[:workers]
        for share, limit in zip(self._shares, shares, strict=False):
            share.limit(limit)
        self._shares += [WorkerSupervisor(self._take, limit) for limit in shares[len(self._shares) :]]
        commanding = {*self._shares[: limits.external]}
        for check, (number, share) in list(self._homes.items()):
            astray = share in former or (is_command(check) and share not in commanding) or len(share.checks) > most
            if check not in wanted or astray:
                share.end(number)
                del self._homes[check], self._checks[number]
        for check in wanted:
            if check not in self._homes:
                self._settle(check, self._shares[: limits.external] if is_command(check) else self._shares)
        return former

    async def close(self) -> None:
        """End all probes and all workers."""
        shares, self._shares = self._shares, []
        self._homes.clear()
        self._checks.clear()
        await asyncio.gather(*(share.close() for share in shares))

    def _settle(self, check: Check, shares: list[WorkerSupervisor]) -> None:
        """Give a new check to the worker that has the fewest."""
        home = min(shares, key=lambda share: len(share.checks))
        self._last += 1
        number = self._last
        self._homes[check] = number, home
        self._checks[number] = check
        home.begin(number, check)

    def _take(self, number: int, result: Result) -> None:
        if (check := self._checks.get(number)) is not None:
            try:
                self._report(check, result)
            except Exception:  # a fault of the director must not end the worker
                logger.exception("A result of %s got lost", check)


def worker_count(settings: Globals, checks: int) -> int:
    """Return how many workers probe so many checks: without ``fork`` none, and never more than ``maxchecks``."""
    if not settings.fork:
        return 0
    workers = settings.workers or min(cores(), max(1, -(-checks // WORTH_A_WORKER)))
    return workers if settings.maxchecks is None else min(workers, settings.maxchecks)


def split_limits(limits: Limits, workers: int) -> list[Limits]:
    """Return the limits of each worker, so that they hold for all together; the first may run more."""
    return [
        Limits(
            _part(limits.external, workers, number),
            None if limits.checks is None else _part(limits.checks, workers, number),
        )
        for number in range(workers)
    ]


@cache
def cores() -> int:
    """Return how many cores this process may use, as it was at first: checks stay with their workers."""
    return len(os.sched_getaffinity(0))


def _part(whole: int, parts: int, number: int) -> int:
    return whole // parts + (number < whole % parts)
