"""The one object that changes: the orders in force, what is known of each server, what the kernel holds."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress
from functools import partial
from typing import Final

from ldirectord_py.checks.base import Check, Result
from ldirectord_py.config.model import Virtual
from ldirectord_py.daemon.reconciler.causes import ByRow, Causes, cause
from ldirectord_py.daemon.reconciler.compiled_config import CompiledConfig, CompiledReal
from ldirectord_py.daemon.reconciler.dirty_set import DirtySet, Scopes, covers
from ldirectord_py.daemon.reconciler.draining import Draining
from ldirectord_py.daemon.reconciler.drift import drift
from ldirectord_py.daemon.reconciler.health_table import HealthTable, initial_states
from ldirectord_py.daemon.reconciler.leftover import Leftover
from ldirectord_py.daemon.reconciler.manual_edits import ManualEdits
from ldirectord_py.daemon.reconciler.mirror import Done, Mirror
from ldirectord_py.daemon.reconciler.resync_timer import ResyncTimer
from ldirectord_py.daemon.reconciler.unjudged import UnjudgedChecks
from ldirectord_py.desired import Health
from ldirectord_py.errors import KernelError
from ldirectord_py.health import HealthState, Verdict
from ldirectord_py.ipvs.diff import Verb
from ldirectord_py.ipvs.kernel import Kernel
from ldirectord_py.ipvs.table import Destination, DestinationKey, Key, Row, ServiceKey, Table, service_of
from ldirectord_py.report.events import (
    Checked,
    ConfigInForce,
    Event,
    KernelFound,
    KernelLost,
    Listener,
    NotWritten,
    Outage,
    Phase,
    Probed,
    Written,
)

ROWS_AT_A_TIME: Final = 500
"""Rows that are compared and written in one go: about 10 ms."""

IN_MAINTENANCE: Final = Result(Verdict.MAINTENANCE, "Server in maintenance", 0.0)
OUT_OF_MAINTENANCE: Final = Result(Verdict.UP, "Server out of maintenance", 0.0)


class Director:
    """Keeps the kernel's table in step with its orders and with the health of the real servers.

    Its state: the ``orders`` in force; how the real servers are ``standing``, the last result of each check, and which
    servers are ``maintained``; the mirror of the kernel's table; what somebody changed there by hand and is left so;
    rows there of servers that moved, and of names without an address; and which services are to be looked at, and when.
    Its methods are called on one loop; only ``run``, ``start``, ``reload`` and ``stop`` write.
    """

    def __init__(self, kernel: Kernel, compiled: CompiledConfig, listeners: Sequence[Listener] = ()) -> None:
        self.compiled = compiled
        self.health_table = HealthTable()
        self.maintained: frozenset[DestinationKey] = frozenset()
        self._listeners = listeners
        self._mirror = Mirror(kernel)
        self._results: dict[Check, Result] = {}
        self._unjudged = UnjudgedChecks(self._publish)
        self._manual_edits = ManualEdits()
        self._dirty = DirtySet()
        self._causes = Causes()
        self._draining = Draining()
        self._leftover = Leftover()
        self._resync_timer = ResyncTimer()
        self._removed: Mapping[ServiceKey, Virtual] = {}
        self._lost = False
        self._stopping = False
        self._wake = asyncio.Event()
        self._writing = asyncio.Lock()

    @property
    def health(self) -> Health:
        """Return the state of each real server."""
        return self.health_table.health

    @property
    def summary(self) -> str:
        """Return in one line how many real servers are up."""
        virtuals, up, reals = len(self.compiled.virtuals), self.health_table.up, len(self.health)
        return f"{virtuals} virtual servers, {up} of {reals} real servers up"

    async def start(self) -> None:
        """Take over what the kernel holds of our services and write what is missing; raises KernelError."""
        async with self._writing:
            await self._mirror.read(self.compiled.virtuals.keys())
            self.compiled = self._leftover.adopt(self.compiled, self.compiled, self._rows, self._publish)
            self._init_health(Phase.START)
            self._dirty.mark_all(self.compiled.virtuals)
            self._resync_timer.schedule(self.compiled.config.settings.reconcile)
            await self._write(Phase.START)
        self._publish_outages({})
        self._publish(ConfigInForce(self.compiled.config))

    async def run(self) -> None:
        """Write changes to the kernel, repair what others did to it, retry what failed, until ``stop``."""
        while not self._stopping:
            due = self._resync_timer.at if self._lost else min(self._resync_timer.at, self._draining.due)
            with suppress(TimeoutError):
                async with asyncio.timeout_at(due if due < math.inf else None):
                    await self._wake.wait()
            self._wake.clear()
            await self.reconcile()

    async def reconcile(self, *, look: bool = False) -> None:
        """Write what has changed; with ``look`` hold the kernel's table against ours first, whenever that is due."""
        async with self._writing:
            if look:
                self._resync_timer.due_now()
            if not self._stopping:
                await self._reconcile()

    def observe(self, check: Check, result: Result) -> None:
        """Take the result of a probe; the kernel's table follows soon. Of a check out of force it says nothing."""
        reals = self.compiled.plan.get(check)
        if reals is None:
            return
        if result.verdict is Verdict.NONE:
            self._unjudged.add(check, result.reason)
            return
        self._unjudged.remove(check)
        self._results[check] = result
        for real in reals:
            in_maintenance = real.key in self.maintained
            if not in_maintenance:
                self._judge(real, result)
            if real.virtual.monitorfile is not None:
                self._publish(Probed(real.virtual, real.real, IN_MAINTENANCE if in_maintenance else result))

    def maintain(self, keys: AbstractSet[DestinationKey]) -> None:
        """Take exactly these real servers for in maintenance, also those that only later orders will have."""
        if keys == self.maintained:
            return
        former, self.maintained = self.maintained, frozenset(keys)
        for key in [key for key in self.health if key in self.maintained and key not in former]:
            self._judge(self.compiled.real(key), IN_MAINTENANCE)
        if former - self.maintained:
            self._release([key for key in self.health if key in former and key not in self.maintained])

    def _release(self, keys: Sequence[DestinationKey]) -> None:
        """Let the checks judge servers again, at once by what they found last."""
        found = self.compiled.known_results(self._results)
        for key in keys:
            self.health_table.reset(key)
            real = self.compiled.real(key)
            result = OUT_OF_MAINTENANCE if real.always_up else found.get(key)
            if result is not None:
                self._judge(real, result)

    async def reload(self, compiled: CompiledConfig) -> None:
        """Work to new orders: write only what differs; every server that stays keeps its state."""
        async with self._writing:
            if self._stopping:
                return
            try:
                await self._resync(self._ours() | dict.fromkeys(compiled.virtuals))
            except KernelError as error:
                self._kernel_lost(error)
            self._switch_config(self._leftover.adopt(self.compiled, compiled, self._rows, self._publish))
            await self._reconcile(Phase.RELOAD)
        self._publish(ConfigInForce(self.compiled.config))
        self._wake.set()  # ``run`` waits for a look that may be due sooner now

    async def stop(self) -> None:
        """Take our services out of the kernel, save those that are to stay (cleanstop); raises KernelError."""
        self._stopping = True
        self._wake.set()
        async with self._writing:
            await self._mirror.read(self._ours().keys())
            stay = {virtual.key for virtual in self.compiled.config.virtuals if not virtual.cleanstop}
            self._dirty = DirtySet(key for key in self._mirror.services if key not in stay)
            await self._write(Phase.STOP)

    def _judge(self, real: CompiledReal, result: Result) -> None:
        """Apply a verdict; publish an outage that begins or ends with it."""
        down = self.health_table.all_down(real.key.service)
        self._apply_verdict(real, result)
        if self.health_table.all_down(real.key.service) is not down:
            self._publish(Outage(real.virtual, began=not down))

    def _publish_outages(self, former: Mapping[ServiceKey, Virtual]) -> None:
        """Publish the outages that a configuration begins or ends; ``former`` had these virtuals without a server.

        An outage begins anew for another ``fallbackcommand``.
        """
        for virtual in self.compiled.config.virtuals:
            down = self.health_table.all_down(virtual.key)
            before = former.get(virtual.key)
            known = before is not None and before.fallbackcommand == virtual.fallbackcommand
            if down is not known:
                self._publish(Outage(virtual, began=down))

    def _apply_verdict(self, real: CompiledReal, result: Result) -> None:
        step = self.health_table.observe(real.key, result.verdict, real.rules)
        if step is None:
            return
        event = Checked(real.virtual, real.real, step, result.reason, self._causes.phase(real.key))
        if step.rose or step.fell:
            self._manual_edits.discard(real.row)
            rows = self.compiled.virtuals[real.key.service].affected_rows(real.row)
            self._dirty.mark(real.key.service, rows)
            self._causes.add(rows, event)
            self._wake.set()
        self._publish(event)

    def _switch_config(self, compiled: CompiledConfig) -> None:
        """Replace the orders at one stroke, so that a result that comes meanwhile finds one or the other."""
        former, self.compiled = self.compiled, compiled
        before = {virtual.key: virtual for virtual in former.config.virtuals}
        all_down = {key: virtual for key, virtual in before.items() if self.health_table.all_down(key)}
        removed = {**self._removed, **before}
        self._removed = {key: virtual for key, virtual in removed.items() if key not in compiled.virtuals}
        self._draining.follow(former, compiled, self._mirror.rows, asyncio.get_running_loop().time())
        for key in [key for key in former.virtuals if key not in compiled.virtuals]:
            if before[key].cleanstop:
                self._dirty.mark_all((key,))
            else:
                self._mirror.forget(key)
                self._dirty.discard(key)
        self._dirty.mark_all(
            key for key, virtual in compiled.virtuals.items() if former.virtuals.get(key) is not virtual
        )
        self._manual_edits.keep_unchanged(former, compiled)
        self._results = {check: result for check, result in self._results.items() if check in compiled.plan}
        self._unjudged.keep(compiled.plan)
        self._init_health(Phase.RELOAD)
        self._publish_outages(all_down)
        self._resync_timer.schedule(self.compiled.config.settings.reconcile)

    def _rows(self, service: ServiceKey) -> Mapping[Key, Row]:
        return self._draining.besides(self._mirror.rows(service))

    def _init_health(self, phase: Phase) -> None:
        """Give each server its state: its own, else what its check last found, else what the kernel shows."""
        for key in self.health_table.replace_virtuals(
            self.compiled.virtuals, self.maintained, partial(self._first, phase)
        ):
            if key in self.maintained:
                self._apply_verdict(self.compiled.real(key), IN_MAINTENANCE)
        self._causes.keep(self.compiled.virtuals.keys(), self.health.keys())

    def _first(self, phase: Phase, keys: AbstractSet[DestinationKey]) -> Mapping[DestinationKey, HealthState]:
        """Return the states in which these servers begin."""
        self._causes.begin((key for key in keys if not self.compiled.real(key).always_up), phase)
        return initial_states(self.compiled, self._results, self._mirror.rows, keys)

    async def _reconcile(self, phase: Phase = Phase.RUN) -> None:
        try:
            now = asyncio.get_running_loop().time()
            if now >= self._draining.due:
                self._dirty.mark_all(await self._draining.review(self._mirror.connections, self._resync_timer, now))
            if self._lost or now >= self._resync_timer.at:
                await self._resync(self._ours())
            await self._write(phase)
        except KernelError as error:
            self._kernel_lost(error)
        else:
            self._kernel_found()

    async def _resync(self, services: Mapping[ServiceKey, None]) -> None:
        """Read the kernel's table, tell what others did to ours, and mark what has to be written."""
        readd = self.compiled.config.settings.readdquiescent
        for key, (before, found) in (await self._mirror.read(services.keys())).items():
            self._dirty.mark_all((key,))
            if key in self.compiled.virtuals and not self._lost:
                ours = [self._leftover.besides(self._draining.besides(rows)) for rows in (before, found)]
                for event in drift(ours[0], ours[1], self._wanted({key: None}), readd_quiescent=readd):
                    if self._manual_edits.accept(event):
                        self._publish(event)
            self._draining.notice(key, found)
        self._dirty.mark_all(self._mirror.refused)
        self._resync_timer.schedule(self.compiled.config.settings.reconcile)

    async def _write(self, phase: Phase) -> None:
        """Write the rows that may differ, in portions, so that checks stay on time."""
        if not (scopes := self._dirty.take_all()):
            return
        try:
            for portion in self.compiled.batches(scopes, ROWS_AT_A_TIME):
                await self._write_portion(portion, phase)
                await asyncio.sleep(0)
        except KernelError:
            self._dirty.put_back(scopes)
            raise
        if self._mirror.refused:
            self._resync_timer.back_off()
        else:
            self._resync_timer.reset()

    async def _write_portion(self, scopes: Scopes, phase: Phase) -> None:
        scopes = {key: scope if key in self._mirror.services else None for key, scope in scopes.items()}
        with self._causes.of(scopes) as causes:
            wanted = {} if phase is Phase.STOP else self._wanted(scopes)
            done, refused = await self._mirror.write(wanted, scopes)
        for step in done:
            row = step.op.row
            self._publish(self._written(step, phase, causes))
            if step.op.verb is Verb.DELETE and isinstance(row, Destination):
                self._manual_edits.discard(row.key)
        self._causes.retry(refused, causes)
        for answer in refused:
            self._publish(NotWritten(answer))

    def _written(self, done: Done, phase: Phase, causes: ByRow) -> Written:
        row, service = done.op.row, service_of(done.op.row.key)
        virtual = self.compiled.virtual(service) or self._removed.get(service)
        return Written(done.op, done.before, self.compiled.role(row.key), phase, cause(causes, row), virtual)

    def _wanted(self, scopes: Scopes) -> Table:
        """Return the rows within these scopes that the kernel should hold."""
        scopes = {key: scope for key, scope in scopes.items() if key in self.compiled.virtuals}
        others = self._leftover.rows(scopes, self._mirror.rows) | self._draining.rows(scopes)
        wanted: dict[Key, Row] = {key: row for key, row in others.items() if covers(scopes, key)}
        for key, scope in scopes.items():
            only = None if scope is None else reversed(scope)  # from the last to the first, as in a roster
            rows, out = self.compiled.virtuals[key].rows, self.health_table.all_down(key)
            wanted |= rows.rows(self.health, self._manual_edits.weights, out=out, only=only)
        return wanted

    def _ours(self) -> dict[ServiceKey, None]:
        return dict.fromkeys((*self.compiled.virtuals, *self._mirror.services, *self._dirty))

    def _kernel_lost(self, error: KernelError) -> None:
        if not self._lost:
            self._lost = True
            self._publish(KernelLost(str(error)))
        self._resync_timer.schedule(None)
        self._resync_timer.back_off()

    def _kernel_found(self) -> None:
        if self._lost:
            self._lost = False
            self._resync_timer.reset()
            self._publish(KernelFound())

    def _publish(self, event: Event) -> None:
        for listener in self._listeners:
            listener(event)
