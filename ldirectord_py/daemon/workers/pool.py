"""``fork = yes``: distributes the checks over worker processes, to use all cores."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Collection, Iterable
from functools import cache
from typing import Final

from ldirectord_py.checks.base import Check, Result
from ldirectord_py.checks.registry import is_command
from ldirectord_py.config.model import Globals
from ldirectord_py.daemon.probing.probe_counts import ProbeCounts
from ldirectord_py.daemon.workers.messages import Limits
from ldirectord_py.daemon.workers.supervisor import WorkerSupervisor

CHECKS_PER_WORKER: Final = 200
"""Checks per worker, unless ``workers`` is set: a worker takes 20 MB, so many checks a few percent of a core."""

logger = logging.getLogger(__name__)


class WorkerPool:
    """Probes checks in worker processes, and calls ``report`` with each result, as Prober does in this process.

    A reload moves no check to another worker, except to give new workers their part. State: the supervisors, the number
    and supervisor of each check, and the counts of supervisors that are gone.
    """

    def __init__(self, report: Callable[[Check, Result], None]) -> None:
        self._report = report
        self._last_number = 0
        self._supervisors: list[WorkerSupervisor] = []
        self._assigned: dict[Check, tuple[int, WorkerSupervisor]] = {}
        self._former_counts = ProbeCounts()

    def set_checks(self, checks: Collection[Check], workers: int, limits: Limits) -> list[WorkerSupervisor]:
        """Probe exactly these checks in this number of workers, which share the limits.

        Returns the supervisors that are no longer needed; the caller closes them.
        """
        wanted = dict.fromkeys(checks)
        max_checks = -(-len(wanted) // workers) if workers > len(self._supervisors) else len(wanted)
        surplus = self._resize(workers, split_limits(limits, workers))
        commanding = self._supervisors[: limits.external]
        for check, (number, supervisor) in list(self._assigned.items()):
            misplaced = supervisor in surplus or (is_command(check) and supervisor not in commanding)
            if check not in wanted or misplaced or len(supervisor.checks) > max_checks:
                supervisor.remove(number)
                del self._assigned[check]
        for check in wanted:
            if check not in self._assigned:
                self._assign(check, commanding if is_command(check) else self._supervisors)
        return surplus

    @property
    def counts(self) -> ProbeCounts:
        """How often workers stood still, and how many probes they repeated."""
        return _sum(self._former_counts, self._supervisors)

    def is_assigned(self, check: Check) -> bool:
        """Return whether a worker probes a check."""
        return check in self._assigned

    async def probe_once(self, check: Check) -> Result:
        """Return the result of a probe of a check at once; raises KeyError if no worker has it."""
        number, supervisor = self._assigned[check]
        return await supervisor.probe_number(number)

    async def close(self) -> None:
        """End all probes and all workers."""
        supervisors, self._supervisors = self._supervisors, []
        self._assigned.clear()
        await asyncio.gather(*(supervisor.close() for supervisor in supervisors))

    def _resize(self, workers: int, limits: list[Limits]) -> list[WorkerSupervisor]:
        """Start missing workers and set the limits of each; returns the supervisors of surplus workers."""
        surplus, self._supervisors = self._supervisors[workers:], self._supervisors[:workers]
        self._former_counts = _sum(self._former_counts, surplus)
        for supervisor, limit in zip(self._supervisors, limits, strict=False):
            supervisor.set_limits(limit)
        self._supervisors += [
            WorkerSupervisor(self._report_result, limit) for limit in limits[len(self._supervisors) :]
        ]
        return surplus

    def _assign(self, check: Check, supervisors: list[WorkerSupervisor]) -> None:
        """Give a check to the worker that has the fewest checks."""
        supervisor = min(supervisors, key=lambda supervisor: len(supervisor.checks))
        self._last_number += 1
        self._assigned[check] = self._last_number, supervisor
        supervisor.add(self._last_number, check)

    def _report_result(self, check: Check, result: Result) -> None:
        if check in self._assigned:
            try:
                self._report(check, result)
            except Exception:  # a fault of the director must not end the worker
                logger.exception("A result of %s got lost", check)


def _sum(counts: ProbeCounts, supervisors: Iterable[WorkerSupervisor]) -> ProbeCounts:
    for supervisor in supervisors:
        counts = counts.plus(supervisor.counts)
    return counts


def worker_count(settings: Globals, checks: int) -> int:
    """Return the number of workers for this number of checks: 0 without ``fork``, at most ``maxchecks``."""
    if not settings.fork:
        return 0
    workers = settings.workers or min(cores(), max(1, -(-checks // CHECKS_PER_WORKER)))
    return workers if settings.maxchecks is None else min(workers, settings.maxchecks)


def split_limits(limits: Limits, workers: int) -> list[Limits]:
    """Return the limits of each worker, which add up to ``limits``; remainders go to the first workers."""
    return [
        Limits(
            _part(limits.external, workers, index),
            None if limits.checks is None else _part(limits.checks, workers, index),
        )
        for index in range(workers)
    ]


@cache
def cores() -> int:
    """Return the number of cores that this process may use; the first answer stays, as checks keep their workers."""
    return len(os.sched_getaffinity(0))


def _part(total: int, parts: int, index: int) -> int:
    return total // parts + (index < total % parts)
