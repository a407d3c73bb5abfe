"""Reads and writes the kernel's table: computes the rows, finds changes by others, and retries failures."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from typing import Final

from ldirectord_py.compiled_real import CompiledReal
from ldirectord_py.config.model import Virtual
from ldirectord_py.daemon.reconciler.causes import Causes, CausesByRow
from ldirectord_py.daemon.reconciler.compiled_config import CompiledConfig
from ldirectord_py.daemon.reconciler.dirty_set import DirtySet, Scopes, covers
from ldirectord_py.daemon.reconciler.draining import Draining, DrainReason, Left
from ldirectord_py.daemon.reconciler.drift import drift
from ldirectord_py.daemon.reconciler.health_table import HealthTable
from ldirectord_py.daemon.reconciler.leftover import Leftover
from ldirectord_py.daemon.reconciler.manual_edits import ManualEdits
from ldirectord_py.daemon.reconciler.mirror import Done, Mirror
from ldirectord_py.daemon.reconciler.resync_timer import ResyncTimer
from ldirectord_py.daemon.reconciler.slow_starts import SlowStarts
from ldirectord_py.desired import ServerStates
from ldirectord_py.errors import KernelError
from ldirectord_py.ipvs.diff import Verb
from ldirectord_py.ipvs.kernel import Kernel
from ldirectord_py.ipvs.table import Destination, DestinationKey, Key, Row, ServiceKey, Table, service_of
from ldirectord_py.report.events import Checked, KernelFound, KernelLost, Listener, NotWritten, Phase, Role, Written

BATCH_ROWS: Final = 500
"""Rows that are compared and written at a time: about 10 ms."""


class TableSync:
    """Makes the kernel's table match the configuration, the ``health`` of the servers, and their ``slow_starts``.

    Its state: the mirror of the kernel's table; the rows to compare, and the verdicts that changed them; the manual
    edits that stay; the rows that servers have left, and of names without an address; the virtuals that a reload
    removed and whose rows the kernel may hold, and those that one added and whose rows were not read so far; when the
    table is read next, and whether the kernel is out of reach.
    ``steps`` counts tables read, batches written, and calls of ``reconcile`` that ended: it grows while this is not
    stuck.
    """

    def __init__(self, kernel: Kernel, health: HealthTable, slow_starts: SlowStarts, publish: Listener) -> None:
        self.manual_edits = ManualEdits()
        self.resync_timer = ResyncTimer()
        self.steps = 0
        self._health = health
        self._slow_starts = slow_starts
        self._publish = publish
        self._mirror = Mirror(kernel)
        self._dirty = DirtySet()
        self._causes = Causes()
        self._draining = Draining()
        self._leftover = Leftover()
        self._removed: Mapping[ServiceKey, Virtual] = {}
        self._unread: frozenset[ServiceKey] = frozenset()
        self._lost = False

    @property
    def due(self) -> float:
        """The time of the loop at which ``reconcile`` has something to do, whether rows are marked or not."""
        at = self.resync_timer.at
        return at if self._lost else min(at, self._draining.due, self._slow_starts.due)

    def rows(self, service: ServiceKey) -> Mapping[Key, Row]:
        """Return the rows of a service as last read or written."""
        return self._mirror.rows(service)

    @property
    def left(self) -> Collection[DestinationKey]:
        """The rows that have no server any more, and stay with weight 0 until their connections have ended."""
        return self._draining.keys

    @property
    def leaving(self) -> Mapping[DestinationKey, DrainReason]:
        """These rows, each with the reason for which it may stay longest."""
        return self._draining.leaving

    def mark(self, compiled: CompiledConfig, real: CompiledReal, cause: Checked) -> None:
        """Mark the rows that may change because a server came up or went down."""
        self.manual_edits.discard(real.row)
        rows = compiled.virtuals[real.key.service].affected_rows(real.row)
        self._dirty.mark(real.key.service, rows)
        self._causes.add(rows, cause)

    def mark_administered(self, compiled: CompiledConfig, real: CompiledReal) -> None:
        """Mark the rows that may change because a server was drained or disabled, or is ready again."""
        self.manual_edits.discard(real.row)
        self._dirty.mark(real.key.service, compiled.virtuals[real.key.service].affected_rows(real.row))

    async def adopt(self, compiled: CompiledConfig) -> CompiledConfig:
        """Read the table at the start; return the configuration with servers for rows of names without an address.

        Raises KernelError.
        """
        await self._mirror.read(compiled.virtuals.keys())
        return self._adopt_found(compiled, compiled, compiled.virtuals.keys())

    async def adopt_reload(self, former: CompiledConfig, compiled: CompiledConfig) -> CompiledConfig:
        """Read the table before a reload, if it can be read now; return the configuration as ``adopt`` does."""
        begun = compiled.virtuals.keys() - former.virtuals.keys()
        try:
            await self._resync(former, self._our_services(former) | dict.fromkeys(compiled.virtuals))
        except KernelError as error:
            self._kernel_lost(error)
            self._unread |= begun
        return self._adopt_found(former, compiled, begun)

    def _adopt_found(
        self, former: CompiledConfig, compiled: CompiledConfig, begun: Collection[ServiceKey]
    ) -> CompiledConfig:
        """Return the configuration with servers for rows of names without an address, and drain unknown rows.

        Unknown are the rows of virtuals that have ``begun``, and those that were kept for such a name until now.
        """
        mirror, kept = self._mirror, self._leftover.kept
        compiled = self._leftover.adopt(
            former, compiled, lambda service: self._draining.exclude(mirror.rows(service)), self._publish
        )
        released = kept - self._leftover.kept

        def unknown(service: ServiceKey) -> Table:
            rows = self._leftover.exclude(mirror.rows(service))
            return rows if service in begun else {key: rows[key] for key in released if key in rows}

        self._draining.adopt(compiled, unknown, asyncio.get_running_loop().time())
        return compiled

    async def write_all(self, compiled: CompiledConfig) -> None:
        """Write all rows at the start; raises KernelError."""
        self._dirty.mark_all(compiled.virtuals)
        self.resync_timer.schedule(compiled.config.settings.reconcile)
        await self._write(compiled, Phase.START)

    def switch_config(self, former: CompiledConfig, compiled: CompiledConfig) -> None:
        """Mark the rows in which two configurations differ; give up services that stay in the kernel (cleanstop=no)."""
        left = Left(former, self._mirror.rows, self._health.administration, self._leftover.kept)
        self._draining.switch_config(left, compiled, asyncio.get_running_loop().time())
        before = {virtual.key: virtual for virtual in former.config.virtuals}
        for key in [key for key in before if key not in compiled.virtuals]:
            if before[key].cleanstop:
                self._dirty.mark_all((key,))
            else:
                self._mirror.discard(key)
                self._dirty.discard(key)
        held = {*self._mirror.services, *self._dirty} - compiled.virtuals.keys()
        self._removed = {key: virtual for key, virtual in {**self._removed, **before}.items() if key in held}
        self._dirty.mark_all(
            key for key, virtual in compiled.virtuals.items() if former.virtuals.get(key) is not virtual
        )
        self.manual_edits.keep_unchanged(former, compiled)
        self._causes.keep(compiled.virtuals.keys())
        self.resync_timer.schedule(compiled.config.settings.reconcile)

    async def reconcile(self, compiled: CompiledConfig, phase: Phase = Phase.RUN) -> None:
        """Read the table if that is due, and write the differences; failures are retried later."""
        try:
            now = asyncio.get_running_loop().time()
            if now >= self._draining.due:
                self._dirty.mark_all(await self._draining.end(self._mirror.connections, self.resync_timer, now))
            if self._lost or now >= self.resync_timer.at:
                await self._resync(compiled, self._our_services(compiled))
            self._raise_weights(compiled)
            await self._write(compiled, phase)
        except KernelError as error:
            self._kernel_lost(error)
        else:
            self._kernel_found()
        self.steps += 1

    def _raise_weights(self, compiled: CompiledConfig) -> None:
        """Mark the rows of servers whose weight rises now, after a resync has compared with their former weights."""
        for key, cause in self._slow_starts.advance().items():
            row = compiled.real(key).row
            self._dirty.mark(key.service, (row,))
            self._causes.add((row,), cause)

    async def remove_services(self, compiled: CompiledConfig) -> None:
        """Remove our services from the kernel, except those that are to stay (cleanstop); raises KernelError."""
        await self._mirror.read(self._our_services(compiled).keys())
        stay = {virtual.key for virtual in compiled.config.virtuals if not virtual.cleanstop}
        self._dirty = DirtySet(key for key in self._mirror.services if key not in stay)
        await self._write(compiled, Phase.STOP)

    async def _resync(self, compiled: CompiledConfig, services: Mapping[ServiceKey, None]) -> None:
        """Read the table, publish changes by others, and mark the rows to compare."""
        readd = compiled.config.settings.readdquiescent
        read = await self._mirror.read(services.keys())
        self.steps += 1
        for key, (before, found) in read.items():
            self._dirty.mark_all((key,))
            if key in compiled.virtuals and not self._lost:
                ours = [self._leftover.exclude(self._draining.exclude(rows)) for rows in (before, found)]
                wanted = self._wanted(compiled, {key: None})
                fixed = compiled.virtuals[key].rows.administered(self._health.administration)
                for event in drift(ours[0], ours[1], wanted, readd_quiescent=readd, administered=fixed):
                    if self.manual_edits.record_drift(event):
                        self._publish(event)
            self._draining.discard_missing(key, found)
        self._drain_unread(compiled)
        self._dirty.mark_all(self._mirror.refused)
        self.resync_timer.schedule(compiled.config.settings.reconcile)

    def _drain_unread(self, compiled: CompiledConfig) -> None:
        """Drain what is unknown of virtuals that a reload has added while the kernel was out of reach."""
        unread, self._unread = self._unread, frozenset()
        if unread:
            rows, now = self._mirror.rows, asyncio.get_running_loop().time()
            self._draining.adopt(compiled, lambda key: self._leftover.exclude(rows(key) if key in unread else {}), now)

    async def _write(self, compiled: CompiledConfig, phase: Phase) -> None:
        """Write the marked rows that differ, in batches, so that checks stay on time."""
        if not (scopes := self._dirty.pop_all()):
            return
        try:
            for batch in compiled.batches(scopes, BATCH_ROWS):
                await self._sync_batch(compiled, batch, phase)
                await asyncio.sleep(0)
        except KernelError:
            self._dirty.put_back(scopes)
            raise
        if self._mirror.refused:
            self.resync_timer.back_off()
        else:
            self.resync_timer.reset()

    async def _sync_batch(self, compiled: CompiledConfig, scopes: Scopes, phase: Phase) -> None:
        scopes = {key: scope if key in self._mirror.services else None for key, scope in scopes.items()}
        with self._causes.popped(scopes) as causes:
            wanted = {} if phase is Phase.STOP else self._wanted(compiled, scopes)
            whole = [key for key, scope in scopes.items() if scope is None]
            done, refused = await self._mirror.write(wanted, scopes, compiled.encoded_rows(whole))
        self.steps += 1
        for each in done:
            self._publish(self._written(compiled, each, phase, causes))
            if each.op.verb is Verb.DELETE and isinstance(each.op.row, Destination):
                self.manual_edits.discard(each.op.row.key)
        self._causes.put_back_refused(refused, causes)
        for refusal in refused:
            self._publish(NotWritten(refusal))

    def _written(self, compiled: CompiledConfig, done: Done, phase: Phase, causes: CausesByRow) -> Written:
        key = done.op.row.key
        service = service_of(key)
        ours = compiled.virtuals.get(service)
        virtual = ours.virtual if ours else self._removed.get(service)
        cause = causes.get(key) if causes and isinstance(key, DestinationKey) else None
        role = ours.role(key) if ours and isinstance(key, DestinationKey) else Role.UNKNOWN
        return Written(done.op, done.before, role, phase, cause, virtual)

    def _wanted(self, compiled: CompiledConfig, scopes: Scopes) -> Table:
        """Return the rows within these scopes that the kernel should hold."""
        scopes = {key: scope for key, scope in scopes.items() if key in compiled.virtuals}
        others = self._leftover.rows(scopes, self._mirror.rows) | self._draining.rows(scopes)
        wanted: dict[Key, Row] = {key: row for key, row in others.items() if covers(scopes, key)}
        table, edits = self._health, self.manual_edits.weights
        states = ServerStates(table.health, table.administration, self._slow_starts.tenths)
        for key, scope in scopes.items():
            only = None if scope is None else reversed(scope)  # from the last to the first, as all rows are
            rows, all_down = compiled.virtuals[key].rows, table.all_down(key)
            wanted |= rows.rows(states, edits, all_down=all_down, only=only)
        return wanted

    def _our_services(self, compiled: CompiledConfig) -> dict[ServiceKey, None]:
        return dict.fromkeys((*compiled.virtuals, *self._mirror.services, *self._dirty))

    def _kernel_lost(self, error: KernelError) -> None:
        if not self._lost:
            self._lost = True
            self._publish(KernelLost(str(error)))
        self.resync_timer.schedule(None)
        self.resync_timer.back_off()

    def _kernel_found(self) -> None:
        if self._lost:
            self._lost = False
            self.resync_timer.reset()
            self._publish(KernelFound())
