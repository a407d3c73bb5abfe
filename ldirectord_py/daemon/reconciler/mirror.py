"""The kernel's rows of our services as last read or written; all changes go through it."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from typing import Final, NamedTuple

from ldirectord_py.daemon.reconciler.dirty_set import Scopes, covers
from ldirectord_py.ipvs.diff import Op, Verb, diff
from ldirectord_py.ipvs.kernel import Kernel, Refused
from ldirectord_py.ipvs.table import (
    NOT_ENCODED,
    DestinationKey,
    EncodedRows,
    Key,
    Row,
    Service,
    ServiceKey,
    Table,
    service_of,
)
from ldirectord_py.runtime.garbage import gc_paused

Rows = dict[Key, Row]

BATCH_SERVICES: Final = 50
"""Services that are compared at a time: about 1 ms."""


class Done(NamedTuple):
    """An op that the kernel accepted, and the row before it, if any."""

    op: Op
    before: Row | None


class Mirror:
    """The rows of our services in the kernel, without reading it again.

    Its state: the rows of each service in the kernel's order, and the errno of each key whose op was refused.
    """

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._rows: dict[ServiceKey, Rows] = {}
        self._refused: dict[Key, int] = {}

    @property
    def services(self) -> Collection[ServiceKey]:
        """Return the services of ours that the kernel holds."""
        return self._rows.keys()

    @property
    def refused(self) -> Collection[ServiceKey]:
        """Return the services with a row that the kernel refused and has not accepted since."""
        return dict.fromkeys(map(service_of, self._refused)).keys()

    def rows(self, service: ServiceKey) -> Rows:
        """Return the rows of one service, none where the kernel does not hold it."""
        return self._rows.get(service, {})

    def discard(self, service: ServiceKey) -> None:
        """Remove a service that the director no longer manages."""
        self._rows.pop(service, None)
        self._refused = {key: errno for key, errno in self._refused.items() if service_of(key) != service}

    async def read(self, services: Collection[ServiceKey]) -> dict[ServiceKey, tuple[Rows, Rows]]:
        """Read the kernel's table; return the rows before and now of those services that differ."""
        found = _by_service(await self._kernel.read(), services)
        differing: dict[ServiceKey, tuple[Rows, Rows]] = {}
        for number, key in enumerate(services):
            before, now = self._rows.get(key, {}), found.get(key, {})
            if before != now:
                differing[key] = before, now
            if number % BATCH_SERVICES == BATCH_SERVICES - 1:
                await asyncio.sleep(0)
        self._rows = found
        return differing

    async def connections(self, services: Collection[ServiceKey]) -> Mapping[DestinationKey, int]:
        """Return how many connections the destinations of these services have; KernelError."""
        return await self._kernel.connections(services)

    async def write(
        self, wanted: Table, scopes: Scopes, encoded: EncodedRows = NOT_ENCODED
    ) -> tuple[Sequence[Done], Sequence[Refused]]:
        """Make the kernel hold ``wanted`` within these scopes; return the ops that were done and the new refusals."""
        with gc_paused():
            ops = diff(self._current(scopes), wanted)
            refused = {answer.op: answer for answer in await self._kernel.apply(ops, encoded)} if ops else {}
        done: list[Done] = []
        for op in [op for op in ops if op not in refused] if refused else ops:
            if op.verb is Verb.DELETE:
                done += self._record_deletion(op.row)
            else:
                rows = self._rows.setdefault(service_of(op.row.key), {})
                done.append(Done(op, rows.get(op.row.key)))
                rows[op.row.key] = op.row
        return done, self._record_refused(scopes, refused.values())

    def _current(self, scopes: Scopes) -> Table:
        current: Rows = {}
        for service, scope in scopes.items():
            rows = self.rows(service)
            current |= rows if scope is None else {key: rows[key] for key in (service, *scope) if key in rows}
        return current

    def _record_deletion(self, row: Row) -> list[Done]:
        """Forget a row, or a service with its destinations; return what was done, destinations first."""
        if isinstance(row, Service):
            return [Done(Op(Verb.DELETE, each), each) for each in reversed(self._rows.pop(row.key).values())]
        return [Done(Op(Verb.DELETE, row), self._rows[row.key.service].pop(row.key))]

    def _record_refused(self, scopes: Scopes, refused: Collection[Refused]) -> list[Refused]:
        """Record the refusals; return the new ones, without the consequences of a refused service."""
        known = self._refused
        self._refused = {key: known[key] for key in known if not covers(scopes, key)}
        self._refused |= {answer.op.row.key: answer.errno for answer in refused}
        return [
            answer
            for answer in refused
            if known.get(answer.op.row.key) != answer.errno
            and (isinstance(answer.op.row, Service) or service_of(answer.op.row.key) not in self._refused)
        ]


def _by_service(table: Table, services: Collection[ServiceKey]) -> dict[ServiceKey, Rows]:
    found: dict[ServiceKey, Rows] = {}
    rows: Rows = {}
    current: ServiceKey | None = None
    for key, row in table.items():
        service = service_of(key)
        if service is not current:  # most rows come after another one of their service
            rows = found.setdefault(service, {}) if service in services else {}
            current = service
        rows[key] = row
    return found
