"""The director: the configuration in force, the health of its servers, and the kernel's table, kept in step."""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress

from ldirectord_py.administration import AdministrativeState, Decision, Entries, EntriesByServer, find_administered
from ldirectord_py.checks.base import Check, Result
from ldirectord_py.compiled_real import CompiledReal
from ldirectord_py.daemon.reconciler.compiled_config import CompiledConfig
from ldirectord_py.daemon.reconciler.health_tracker import HealthTracker
from ldirectord_py.daemon.reconciler.table_sync import TableSync
from ldirectord_py.desired import Health
from ldirectord_py.ipvs.kernel import Kernel
from ldirectord_py.ipvs.table import DestinationKey
from ldirectord_py.report.events import Administered, Checked, ConfigInForce, Event, Listener, Phase
from ldirectord_py.runtime.text import count_of


class Director:
    """Keeps the kernel's table in step with a configuration and with the health of its real servers.

    ``tracker`` turns results into health, ``sync`` turns health into rows of the kernel; the configuration in force
    (``compiled``) is here, and each of their calls is given it. Its state is also what operators have drained or
    disabled: the ``entries``, and ``administered``, those whose servers the configuration has. All methods are called
    on one event loop; only ``run``, ``reconcile``, ``start``, ``reload`` and ``stop`` write, one at a time.
    """

    def __init__(self, kernel: Kernel, compiled: CompiledConfig, listeners: Sequence[Listener] = ()) -> None:
        self.compiled = compiled
        self.entries: Entries = {}
        self.administered: EntriesByServer = {}
        self.tracker = HealthTracker(self.publish, self._on_change)
        self.sync = TableSync(kernel, self.tracker.table, self.tracker.slow_starts, self.publish)
        self._listeners = listeners
        self._stopping = False
        self._wake = asyncio.Event()
        self._writing = asyncio.Lock()

    @property
    def health(self) -> Health:
        """The state of each real server."""
        return self.tracker.table.health

    @property
    def maintained(self) -> frozenset[DestinationKey]:
        """The servers in maintenance, also those that only a later configuration has."""
        return self.tracker.maintained

    @property
    def summary(self) -> str:
        """How many real servers are up, in one line."""
        virtuals, reals = len(self.compiled.virtuals), len(self.health)
        up = self.tracker.table.up - self.tracker.panics.kept
        states = Counter(entry.state for entry in self.administered.values())
        drained, disabled = states[AdministrativeState.DRAIN], states[AdministrativeState.DISABLED]
        more = f"{f', {drained} drained' if drained else ''}{f', {disabled} disabled' if disabled else ''}"
        return f"{count_of(virtuals, 'virtual server')}, {up} of {reals} real servers up{more}"

    @property
    def is_write_due(self) -> bool:
        """Whether rows are being written, or have to be read or written now."""
        due = self._wake.is_set() or asyncio.get_running_loop().time() >= self.sync.due
        return due or self._writing.locked()

    async def start(self) -> None:
        """Take over the rows that the kernel holds of our services, and write the others; raises KernelError."""
        async with self._writing:
            self.compiled = await self.sync.adopt(self.compiled)
            self._find_administered()
            self.tracker.switch_config(self.compiled, Phase.START, self.sync.rows)
            await self.sync.write_all(self.compiled)
        self.tracker.publish_outages(self.compiled)
        self.publish(ConfigInForce(self.compiled.config))

    async def run(self) -> None:
        """Write changes to the kernel, repair changes by others, and retry failures, until ``stop``."""
        while not self._stopping:
            due = self.sync.due
            with suppress(TimeoutError):
                async with asyncio.timeout_at(due if due < math.inf else None):
                    await self._wake.wait()
            self._wake.clear()
            await self.reconcile()

    async def reconcile(self, *, resync: bool = False) -> None:
        """Write the changes; with ``resync`` read the kernel's table first, even if that is not due."""
        async with self._writing:
            if resync:
                self.sync.resync_timer.due_now()
            if not self._stopping:
                await self.sync.reconcile(self.compiled)

    def observe(self, check: Check, result: Result) -> None:
        """Apply the result of a probe; the kernel's table is updated soon. A check that is not in force is ignored."""
        self.tracker.observe(self.compiled, check, result)

    def set_maintenance(self, keys: AbstractSet[DestinationKey]) -> None:
        """Put exactly these real servers in maintenance; they may be servers that only a later configuration has."""
        if keys != self.maintained:
            self.tracker.set_maintenance(self.compiled, keys)

    def set_administration(self, entries: Entries, by: Decision | None = None) -> None:
        """Drain or disable exactly the servers of these entries, some of which no configuration may have.

        The kernel's table is updated soon; before the start nothing is written or published. ``by``: who makes the
        others ready, None if their time is over.
        """
        former, self.entries = self.administered, entries
        self._find_administered()
        keys = [key for key in {**former, **self.administered} if key in self.health]
        self.tracker.publish_outages_of(key.service for key in keys)
        for key in keys:
            before, after = former.get(key), self.administered.get(key)
            if before is None or after is None or (before.state, before.decision) != (after.state, after.decision):
                server = self.compiled.real(key)
                self.sync.mark_administered(self.compiled, server)
                self.publish(Administered(server.virtual, server.real, before, after, None if after else by))
        self._wake.set()

    def _find_administered(self) -> None:
        self.administered = find_administered(self.entries, self.compiled.config.virtuals)
        self.tracker.table.set_administration({key: entry.state for key, entry in self.administered.items()})

    async def reload(self, compiled: CompiledConfig) -> None:
        """Put a configuration in force: write only what differs; every server that stays keeps its state."""
        async with self._writing:
            if self._stopping:
                return
            self._switch_config(await self.sync.adopt_reload(self.compiled, compiled))
            await self.sync.reconcile(self.compiled, Phase.RELOAD)
        await asyncio.sleep(0)  # the switch took some 50 ms with 37,000 servers
        self.tracker.publish_outages(self.compiled)
        self.publish(ConfigInForce(self.compiled.config))
        self._wake.set()  # ``run`` may have to wake earlier now

    async def stop(self) -> None:
        """Remove our services from the kernel, except those that are to stay (cleanstop); raises KernelError."""
        self._stopping = True
        self._wake.set()
        async with self._writing:
            await self.sync.remove_services(self.compiled)

    def _switch_config(self, compiled: CompiledConfig) -> None:
        """Replace the configuration without an await, so that a result meets either the former or the new one."""
        former, self.compiled = self.compiled, compiled
        self.tracker.departed.drop_others(self.sync.left)
        self.sync.switch_config(former, compiled)
        self._find_administered()
        self.tracker.remember_departing(compiled, self.sync.left)
        self.tracker.switch_config(compiled, Phase.RELOAD, self.sync.rows)

    def _on_change(self, real: CompiledReal, cause: Checked) -> None:
        self.sync.mark(self.compiled, real, cause)
        self._wake.set()

    def publish(self, event: Event) -> None:
        """Pass an event to all listeners."""
        for listener in self._listeners:
            listener(event)
