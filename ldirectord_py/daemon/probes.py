"""The checks of the orders in force, under way within the limits of the configuration and of this host."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from ldirectord_py.checks.base import Check, Result
from ldirectord_py.checks.checktypes import command
from ldirectord_py.checks.registry import checker_for, turn_for
from ldirectord_py.daemon.probing.prober import Prober
from ldirectord_py.daemon.reconciler.compiled_config import CompiledConfig
from ldirectord_py.daemon.workers.messages import Limits
from ldirectord_py.daemon.workers.pool import WorkerPool, worker_count
from ldirectord_py.runtime.file_limit import max_checks, raise_limit

logger = logging.getLogger(__name__)


class Probing:
    """Follows the checks of orders, here or with ``fork`` in worker processes, and reports every Result.

    Its state: the monitor, the workers, and those of them that are being ended.
    """

    def __init__(self, report: Callable[[Check, Result], None]) -> None:
        self._descriptors = raise_limit()
        self._monitor = Prober(report, checker_for, turn_for)
        self._workers = WorkerPool(report)
        self._ending: set[asyncio.Task[None]] = set()

    def follow(self, compiled: CompiledConfig) -> None:
        """Follow exactly the checks of these orders; those followed already go on undisturbed."""
        settings = compiled.config.settings
        processes = worker_count(settings, len(compiled.plan))
        command.TURNS.limit = settings.maxexternal
        self._monitor.in_flight.limit = self._at_once(settings.maxchecks, max(1, processes))
        self._monitor.follow(() if processes else compiled.plan)
        limits = Limits(settings.maxexternal, settings.maxchecks)
        for share in self._workers.set_checks(compiled.plan if processes else (), processes, limits):
            self._ending.add(task := asyncio.create_task(share.close()))
            task.add_done_callback(self._ending.discard)

    async def close(self) -> None:
        """End all probes."""
        await asyncio.gather(self._monitor.close(), self._workers.close(), *self._ending)

    def _at_once(self, asked: int | None, processes: int) -> int:
        limit = max_checks(asked, processes * self._descriptors)
        if asked is not None and limit < asked:
            logger.warning("Of maxchecks=%d only %d have room under the limit of open files; raise it", asked, limit)
        return limit
