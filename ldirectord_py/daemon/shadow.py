"""A daemon beside another one: it checks, directs a copy of the kernel's table, and compares the two.

It has no part that writes to the kernel or to files, runs commands other than checks, sends mails, or listens: those
parts of ``run.py`` are not created.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from types import MappingProxyType
from typing import Final

from ldirectord_py.administration import Entries
from ldirectord_py.checks.registry import kinds
from ldirectord_py.config.parse import Parsed
from ldirectord_py.daemon.configuration.name_watch import NameWatch
from ldirectord_py.daemon.configuration.reload import Reloader
from ldirectord_py.daemon.copied_kernel import copied_kernel
from ldirectord_py.daemon.maintenance.directory import MaintenanceDirectory
from ldirectord_py.daemon.probe_dispatcher import ProbeDispatcher
from ldirectord_py.daemon.reconciler.compiled_config import CompiledConfig, compile_config
from ldirectord_py.daemon.reconciler.director import Director
from ldirectord_py.daemon.reconciler.draining import COUNT_INTERVAL
from ldirectord_py.desired import real_keys
from ldirectord_py.divergences import Divergence, DivergenceTracker, divergent
from ldirectord_py.errors import KernelError
from ldirectord_py.instance.sd_notify import SdNotify
from ldirectord_py.ipvs.kernel import Kernel, MemoryKernel
from ldirectord_py.ipvs.table import DestinationKey, Key, ServiceKey, Table
from ldirectord_py.report.events import Checked, ConfigInForce, Event
from ldirectord_py.report.log.listener import log
from ldirectord_py.runtime.incidents import OngoingFault
from ldirectord_py.runtime.waiting import run_all

logger = logging.getLogger(__name__)

COMPARE_INTERVAL: Final = 0.5
"""Seconds between two comparisons."""

SLACK: Final = 1.0
"""Seconds that a row may differ beyond the times that ``_patience`` knows: the clock of another daemon is not ours."""

Report = Callable[[Divergence, str], None]
"""Gets a difference when it begins to count and when it is over, each with the reason of our row."""


async def start_shadow(
    loaded: Parsed, path: Path, kernel: Kernel, report: Report, entries: Entries = MappingProxyType({})
) -> Shadow:
    """Return a shadow whose own table begins as the kernel's; raises KernelError if that cannot be read.

    ``entries`` are the servers that operators have drained or disabled. Rows that drain have the kernel's connections.
    """
    own = copied_kernel(await kernel.read(), loaded.config.virtuals)
    own.original = kernel
    shadow = Shadow(loaded, path, own, Comparison(kernel, report))
    shadow.director.set_administration(entries)
    await shadow.start()
    return shadow


class Comparison:
    """Compares the table of the ``kernel``, which is only read, with ours.

    Its state: the differences (``tracker``), how often the tables were compared (``count``), why each server was
    judged as it was last, and why the kernel's table cannot be read.
    """

    def __init__(self, kernel: Kernel, report: Report) -> None:
        self.tracker = DivergenceTracker()
        self.count = 0
        self._kernel = kernel
        self._report = report
        self._reasons: dict[DestinationKey, str] = {}
        self._fault = OngoingFault()

    def keep_reason(self, event: Event) -> None:
        """Keep the reason of a verdict while its server is in the configuration; a Listener of the director."""
        if isinstance(event, Checked):
            self._reasons[event.key] = event.reason
        elif isinstance(event, ConfigInForce):
            keys = real_keys(event.config)
            self._reasons = {key: reason for key, reason in self._reasons.items() if key in keys}

    async def compare(self, director: Director, own: Callable[[], Table]) -> None:
        """Compare the tables once, and report what begins to count as a difference or is over."""
        try:
            found = await self._kernel.read()
        except KernelError as error:
            if self._fault.record(str(error)):
                logger.warning("The kernel's table cannot be compared now: %s", error)
            return
        self._fault.clear()
        self.count += 1
        compiled, now = director.compiled, asyncio.get_running_loop().time()
        differing = divergent(found, own(), compiled.virtuals)
        for each in self.tracker.update(differing, found, now, lambda service: _patience(compiled, service)):
            self._report(each, self._reason(director, each.op.row.key))

    def _reason(self, director: Director, key: Key) -> str:
        """Return why our row is as it is, "" for a service."""
        if not isinstance(key, DestinationKey) or key.service not in director.compiled.virtuals:
            return ""
        slot = director.compiled.virtuals[key.service].rows.slots.get(key)
        if slot is None:
            return "the configuration has no such server"
        if slot.reals:
            return "; ".join(self._verdict(director, real.key) for real in slot.reals)
        up = any(director.health[server].up for server in director.compiled.virtuals[key.service].reals)
        return "a real server is up, so there is no fallback" if up else "the fallback, as no real server is up"

    def _verdict(self, director: Director, server: DestinationKey) -> str:
        word = "up" if director.health[server].up else "down"
        return f"{word}: {self._reasons.get(server, 'as in the kernel at the start')}"


class Shadow:
    """The parts of a daemon that check and direct, on the table ``own`` in memory; its state is theirs."""

    def __init__(self, loaded: Parsed, path: Path, own: MemoryKernel, comparison: Comparison) -> None:
        self.comparison = comparison
        self.director = Director(own, compile_config(loaded.config, kinds()), [comparison.keep_reason, log])
        self._own = own
        self._maintenance = MaintenanceDirectory(self.director)
        self._probes = ProbeDispatcher(self.director.observe)
        self._reloader = Reloader(path, loaded, self.director, self._put_in_force, SdNotify())
        self._name_watch = NameWatch(self._reloader, self._put_in_force)

    async def start(self) -> None:
        """Take the table over and begin to check."""
        await self._maintenance.start()
        await self.director.start()
        self._probes.set_config(self.director.compiled)

    async def run(self) -> None:
        """Run until cancelled; an exception in one part ends the others and is raised."""
        await run_all(
            self.director.run(),
            self._reloader.run(),
            self._name_watch.run(),
            self._maintenance.run(),
            self._maintenance.names.run(),
            self._probes.note_program(),
            self._compare_for_ever(),
        )

    async def close(self) -> None:
        """End the checks."""
        await self._probes.close()

    async def _compare_for_ever(self) -> None:
        while True:
            await self.comparison.compare(self.director, lambda: self._own.table)
            self._own.written.clear()  # nobody reads it, and a shadow may run for weeks
            await asyncio.sleep(COMPARE_INTERVAL)

    async def _put_in_force(self, new: CompiledConfig) -> None:
        await self._maintenance.prepare(new)
        await self.director.reload(new)
        self._probes.set_config(self.director.compiled)


def _patience(compiled: CompiledConfig, service: ServiceKey) -> float:
    virtual = compiled.virtual(service)
    if virtual is None:
        return SLACK
    counted = COUNT_INTERVAL if virtual.drainremoved else 0
    return SLACK + max(virtual.checkinterval, virtual.downinterval or 0, counted) + (virtual.slowstart or 0)
