"""Distributes the checks of the configuration in force to this process or to workers, within the limits of both."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from ldirectord_py.checks.base import Check, Result
from ldirectord_py.checks.limits import CheckLimits
from ldirectord_py.daemon.probing.limited import limited_prober
from ldirectord_py.daemon.probing.probe_counts import ProbeCounts
from ldirectord_py.daemon.reconciler.compiled_config import CompiledConfig
from ldirectord_py.daemon.workers.messages import Limits
from ldirectord_py.daemon.workers.pool import WorkerPool, worker_count
from ldirectord_py.daemon.workers.process import worker_command
from ldirectord_py.runtime.file_limit import max_checks, raise_limit
from ldirectord_py.runtime.threads import run_in_daemon_thread

READ_TIMEOUT: Final = 10.0
"""Seconds to read the source files of this program."""

logger = logging.getLogger(__name__)


class ProbeDispatcher:
    """Probes the checks of a configuration, in this process or with ``fork`` in workers, and reports every Result.

    Its state: the prober and its limits, the workers, and the workers that are ending.
    """

    def __init__(self, report: Callable[[Check, Result], None]) -> None:
        self._max_descriptors = raise_limit()
        self._limits = CheckLimits()
        self._prober = limited_prober(report, self._limits)
        self._workers = WorkerPool(report)
        self._ending: set[asyncio.Task[None]] = set()

    def set_config(self, compiled: CompiledConfig) -> None:
        """Probe exactly the checks of this configuration; checks that stay are not interrupted."""
        settings = compiled.config.settings
        processes = worker_count(settings, len(compiled.plan))
        self._limits.commands.limit = settings.maxexternal
        self._prober.in_flight.limit = self._max_in_flight(settings.maxchecks, max(1, processes))
        self._prober.set_checks(() if processes else compiled.plan)
        limits = Limits(settings.maxexternal, settings.maxchecks)
        for worker in self._workers.set_checks(compiled.plan if processes else (), processes, limits):
            self._ending.add(task := asyncio.create_task(worker.close()))
            task.add_done_callback(self._ending.discard)

    @property
    def counts(self) -> ProbeCounts:
        """How often this process and the workers stood still, and how many probes were repeated."""
        return self._prober.counts.plus(self._workers.counts)

    async def note_program(self) -> None:
        """Read our source files, in a thread: a worker has to run the same ones, and an upgrade may replace them.

        They are read after the start, as that takes 10 ms, and with slow files much longer.
        """
        with suppress(OSError, RuntimeError, TimeoutError):  # RuntimeError: no thread can be started
            await run_in_daemon_thread(worker_command, READ_TIMEOUT)

    async def probe_once(self, check: Check) -> Result:
        """Return the result of a probe of a check at once, by the process that has the check, in a task of its own.

        The result is not reported, and the slots of the check stay as they are.
        """
        prober = self._workers if self._workers.is_assigned(check) else self._prober
        return await prober.probe_once(check)

    async def close(self) -> None:
        """End all probes."""
        await asyncio.gather(self._prober.close(), self._workers.close(), *self._ending)

    def _max_in_flight(self, maxchecks: int | None, processes: int) -> int:
        limit = max_checks(maxchecks, processes * self._max_descriptors)
        if maxchecks is not None and limit < maxchecks:
            logger.warning(
                "Of maxchecks=%d only %d have room under the limit of open files; raise it", maxchecks, limit
            )
        return limit
