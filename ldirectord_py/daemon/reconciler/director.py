"""The one object that changes: the orders in force, what is known of each server, what the kernel holds."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Final

from ldirectord_py.checks.base import Check, Result
from ldirectord_py.daemon.reconciler.causes import Causes, cause
from ldirectord_py.daemon.reconciler.compiled_config import Orders, rules
from ldirectord_py.daemon.reconciler.dirty_set import Changes, Scopes, covers
from ldirectord_py.daemon.reconciler.draining import Draining
from ldirectord_py.daemon.reconciler.drift import drift
from ldirectord_py.daemon.reconciler.health_table import Standing, first_states
from ldirectord_py.daemon.reconciler.leftover import Leftover
from ldirectord_py.daemon.reconciler.manual_edits import Edits
from ldirectord_py.daemon.reconciler.mirror import Mirror
from ldirectord_py.daemon.reconciler.resync_timer import Looks
from ldirectord_py.daemon.reconciler.unjudged import UnjudgedChecks
from ldirectord_py.desired import Health, row_key
from ldirectord_py.errors import KernelError
from ldirectord_py.health import HealthState, Verdict
from ldirectord_py.ipvs.diff import Verb
from ldirectord_py.ipvs.kernel import Kernel
from ldirectord_py.ipvs.table import Destination, DestinationKey, Key, Row, ServiceKey, Table
from ldirectord_py.report.events import Checked, Event, KernelFound, KernelLost, Listener, NotWritten, Phase, Written

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

    def __init__(self, kernel: Kernel, orders: Orders, listeners: Sequence[Listener] = ()) -> None:
        self.orders = orders
        self.standing = Standing()
        self.maintained: frozenset[DestinationKey] = frozenset()
        self._listeners = listeners
        self._mirror = Mirror(kernel)
        self._results: dict[Check, Result] = {}
        self._unjudged = UnjudgedChecks(self._tell)
        self._edits = Edits()
        self._dirty = Changes()
        self._causes = Causes()
        self._draining = Draining()
        self._leftover = Leftover()
        self._looks = Looks()
        self._lost = False
        self._stopping = False
        self._wake = asyncio.Event()
        self._writing = asyncio.Lock()

    @property
    def health(self) -> Health:
        """Return the state of each real server."""
        return self.standing.health

    @property
    def summary(self) -> str:
        """Return in one line how many real servers are up."""
        return f"{len(self.orders.virtuals)} virtual servers, {self.standing.up} of {len(self.health)} real servers up"

    async def start(self) -> None:
        """Take over what the kernel holds of our services and write what is missing; raises KernelError."""
        async with self._writing:
            await self._mirror.read(self.orders.virtuals.keys())
            self.orders = self._leftover.adopt(self.orders, self.orders, self._rows, self._tell)
            self._enrol(Phase.START)
            self._dirty.whole(self.orders.virtuals)
            self._looks.later(self.orders.config.settings.reconcile)
            await self._write(Phase.START)

    async def run(self) -> None:
        """Write changes to the kernel, repair what others did to it, retry what failed, until ``stop``."""
        while not self._stopping:
            due = self._looks.at if self._lost else min(self._looks.at, self._draining.due)
            with suppress(TimeoutError):
                async with asyncio.timeout_at(due if due < math.inf else None):
                    await self._wake.wait()
            self._wake.clear()
            await self.settle()

    async def settle(self, *, look: bool = False) -> None:
        """Write what has changed; with ``look`` hold the kernel's table against ours first, whenever that is due."""
        async with self._writing:
            if look:
                self._looks.now()
            if not self._stopping:
                await self._attend()

    def observe(self, check: Check, result: Result) -> None:
        """Take the result of a probe; the kernel's table follows soon. Of a check out of force it says nothing."""
        keys = self.orders.plan.get(check)
        if keys is None:
            return
        if result.verdict is Verdict.NONE:
            self._unjudged.add(check, result.reason)
            return
        self._unjudged.remove(check)
        self._results[check] = result
        for key in keys:
            if key not in self.maintained:
                self._step(key, result)

    def maintain(self, keys: AbstractSet[DestinationKey]) -> None:
        """Take exactly these real servers for in maintenance, also those that only later orders will have."""
        if keys == self.maintained:
            return
        former, self.maintained = self.maintained, frozenset(keys)
        for key in [key for key in self.health if key in self.maintained and key not in former]:
            self._step(key, IN_MAINTENANCE)
        if former - self.maintained:
            self._release([key for key in self.health if key in former and key not in self.maintained])

    def _release(self, keys: Sequence[DestinationKey]) -> None:
        """Let the checks judge servers again, at once by what they found last."""
        found = self.orders.found(self._results)
        for key in keys:
            self.standing.begin_anew(key)
            result = OUT_OF_MAINTENANCE if self.orders.is_on(key) else found.get(key)
            if result is not None:
                self._step(key, result)

    async def reload(self, orders: Orders) -> None:
        """Work to new orders: write only what differs; every server that stays keeps its state."""
        async with self._writing:
            if self._stopping:
                return
            try:
                await self._look(self._ours() | dict.fromkeys(orders.virtuals))
            except KernelError as error:
                self._lose(error)
            self._take_over(self._leftover.adopt(self.orders, orders, self._rows, self._tell))
            await self._attend(Phase.RELOAD)
        self._wake.set()  # ``run`` waits for a look that may be due sooner now

    async def stop(self) -> None:
        """Take our services out of the kernel, save those that are to stay (cleanstop); raises KernelError."""
        self._stopping = True
        self._wake.set()
        async with self._writing:
            await self._mirror.read(self._ours().keys())
            stay = {virtual.key for virtual in self.orders.config.virtuals if not virtual.cleanstop}
            self._dirty = Changes(key for key in self._mirror.services if key not in stay)
            self.orders = replace(self.orders, virtuals={})
            await self._write(Phase.STOP)

    def _step(self, key: DestinationKey, result: Result) -> None:
        virtual, real = self.orders.reals[key]
        step = self.standing.observe(key, result.verdict, rules(virtual))
        if step is None:
            return
        event = Checked(virtual, real, step, result.reason, self._causes.phase(key))
        if step.rose or step.fell:
            row = row_key(virtual, real)
            self._edits.forget(row)
            rows = self.orders.beside(row)
            self._dirty.some(virtual.key, rows)
            self._causes.add(rows, event)
            self._wake.set()
        self._tell(event)

    def _take_over(self, orders: Orders) -> None:
        """Replace the orders at one stroke, so that a result that comes meanwhile finds one or the other."""
        former, self.orders = self.orders, orders
        self._draining.follow(former, orders, self._mirror.rows, asyncio.get_running_loop().time())
        for key in [key for key in former.virtuals if key not in orders.virtuals]:
            if former.virtuals[key].cleanstop:
                self._dirty.whole((key,))
            else:
                self._mirror.forget(key)
                self._dirty.drop(key)
        self._dirty.whole(key for key, share in orders.shares.items() if former.shares.get(key) is not share)
        self._edits.follow(former, orders)
        self._results = {check: result for check, result in self._results.items() if check in orders.plan}
        self._unjudged.keep(orders.plan)
        self._enrol(Phase.RELOAD)
        self._looks.later(self.orders.config.settings.reconcile)

    def _rows(self, service: ServiceKey) -> Mapping[Key, Row]:
        return self._draining.besides(self._mirror.rows(service))

    def _enrol(self, phase: Phase) -> None:
        """Give each server its state: its own, else what its check last found, else what the kernel shows."""
        for key in self.standing.follow(self.orders.shares, self.maintained, partial(self._first, phase)):
            if key in self.maintained:
                self._step(key, IN_MAINTENANCE)
        self._causes.keep(self.orders.shares.keys(), self.health.keys())

    def _first(self, phase: Phase, keys: AbstractSet[DestinationKey]) -> Mapping[DestinationKey, HealthState]:
        """Return the states in which these servers begin."""
        self._causes.begin((key for key in keys if not self.orders.is_on(key)), phase)
        return first_states(self.orders, self._results, self._mirror.rows, keys)

    async def _attend(self, phase: Phase = Phase.RUN) -> None:
        try:
            now = asyncio.get_running_loop().time()
            if now >= self._draining.due:
                self._dirty.whole(await self._draining.review(self._mirror.connections, self._looks, now))
            if self._lost or now >= self._looks.at:
                await self._look(self._ours())
            await self._write(phase)
        except KernelError as error:
            self._lose(error)
        else:
            self._find()

    async def _look(self, services: Mapping[ServiceKey, None]) -> None:
        """Read the kernel's table, tell what others did to ours, and mark what has to be written."""
        readd = self.orders.config.settings.readdquiescent
        for key, (before, found) in (await self._mirror.read(services.keys())).items():
            self._dirty.whole((key,))
            if key in self.orders.virtuals and not self._lost:
                ours = [self._leftover.besides(self._draining.besides(rows)) for rows in (before, found)]
                for event in drift(ours[0], ours[1], self._wanted({key: None}), readd_quiescent=readd):
                    if self._edits.heed(event):
                        self._tell(event)
            self._draining.notice(key, found)
        self._dirty.whole(self._mirror.refused)
        self._looks.later(self.orders.config.settings.reconcile)

    async def _write(self, phase: Phase) -> None:
        """Write the rows that may differ, in portions, so that checks stay on time."""
        if not (scopes := self._dirty.take()):
            return
        try:
            for portion in self.orders.portions(scopes, ROWS_AT_A_TIME):
                await self._write_portion(portion, phase)
                await asyncio.sleep(0)
        except KernelError:
            self._dirty.put_back(scopes)
            raise
        if self._mirror.refused:
            self._looks.retry()
        else:
            self._looks.calm()

    async def _write_portion(self, scopes: Scopes, phase: Phase) -> None:
        scopes = {key: scope if key in self._mirror.services else None for key, scope in scopes.items()}
        with self._causes.of(scopes) as causes:
            done, refused = await self._mirror.write(self._wanted(scopes), scopes)
        for step in done:
            row = step.op.row
            self._tell(Written(step.op, step.before, self.orders.role(row.key), phase, cause(causes, row)))
            if step.op.verb is Verb.DELETE and isinstance(row, Destination):
                self._edits.forget(row.key)
        self._causes.retry(refused, causes)
        for answer in refused:
            self._tell(NotWritten(answer))

    def _wanted(self, scopes: Scopes) -> Table:
        """Return the rows within these scopes that the kernel should hold."""
        scopes = {key: scope for key, scope in scopes.items() if key in self.orders.virtuals}
        others = self._leftover.rows(scopes, self._mirror.rows) | self._draining.rows(scopes)
        wanted: dict[Key, Row] = {key: row for key, row in others.items() if covers(scopes, key)}
        for key, scope in scopes.items():
            only = None if scope is None else reversed(scope)  # from the last to the first, as in a roster
            roster, out = self.orders.shares[key].roster, self.standing.is_out(key)
            wanted |= roster.rows(self.health, self._edits.weights, out=out, only=only)
        return wanted

    def _ours(self) -> dict[ServiceKey, None]:
        return dict.fromkeys((*self.orders.virtuals, *self._mirror.services, *self._dirty))

    def _lose(self, error: KernelError) -> None:
        if not self._lost:
            self._lost = True
            self._tell(KernelLost(str(error)))
        self._looks.later(None)
        self._looks.retry()

    def _find(self) -> None:
        if self._lost:
            self._lost = False
            self._looks.calm()
            self._tell(KernelFound())

    def _tell(self, event: Event) -> None:
        for listener in self._listeners:
            listener(event)
