"""Rows without a server: the old addresses of servers that moved, and servers that were drained and then removed.

They keep their connections, and get no new clients.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from ldirectord_py.administration import AdministrativeState
from ldirectord_py.config.model import Virtual
from ldirectord_py.daemon.reconciler.compiled_config import CompiledConfig
from ldirectord_py.daemon.reconciler.resync_timer import ResyncTimer
from ldirectord_py.desired import Administration, row_key
from ldirectord_py.ipvs.table import Destination, DestinationKey, Key, Row, ServiceKey, Table

COUNT_INTERVAL: Final = 10.0
"""Seconds between two counts of the connections."""

MAX_DRAIN_TIME: Final = 600.0
"""Seconds after which a row is removed with its connections; ``persistent`` counts if it is longer."""

MAX_DRAINED_TIME: Final = 86_400.0
"""Seconds after which the row of a server that an operator had drained is removed with its connections."""

Count = Callable[[Collection[ServiceKey]], Awaitable[Mapping[DestinationKey, int]]]


@dataclass(frozen=True, slots=True)
class Left:
    """What a reload leaves: the ``former`` configuration, its ``rows`` in the kernel, and what was administered."""

    former: CompiledConfig
    rows: Callable[[ServiceKey], Table]
    administration: Administration


class Draining:
    """The rows that servers have left behind, with weight 0.

    In quiescent virtuals those of servers given by name that have another address now; in all virtuals those of
    servers that an operator had drained. Its state: these rows, until when each may stay, which of them an operator
    drained, and when their connections are counted next (``due``), in seconds of the loop's clock.
    """

    def __init__(self) -> None:
        self.due = math.inf
        self._rows: dict[DestinationKey, Destination] = {}
        self._until: dict[DestinationKey, float] = {}
        self._by_operator: set[DestinationKey] = set()

    @property
    def keys(self) -> Collection[DestinationKey]:
        """The rows that are drained."""
        return self._rows.keys()

    def switch_config(self, left: Left, compiled: CompiledConfig, now: float) -> None:
        """Drain the rows of servers that moved, or that were drained; stop draining a row that a server has again."""
        drained = _drained_rows(left)
        self._by_operator |= drained
        self._discard({key for key in self._rows if not self._may_stay(key, compiled)})
        for virtual in compiled.config.virtuals:
            before = left.former.virtual(virtual.key)
            for key in _former_rows(before, virtual) if before else ():
                self._add(left, compiled, key, now + max(MAX_DRAIN_TIME, virtual.persistent or 0))
        for key in drained:
            self._add(left, compiled, key, now + MAX_DRAINED_TIME)
        self._by_operator &= self._rows.keys()
        self.due = min(self.due, now + COUNT_INTERVAL) if self._rows else math.inf

    def _add(self, left: Left, compiled: CompiledConfig, key: DestinationKey, until: float) -> None:
        row = left.rows(key.service).get(key)
        if isinstance(row, Destination) and self._may_stay(key, compiled):
            self._rows.setdefault(key, Destination(row.key, row.forward, 0, row.upper, row.lower))
            self._until[key] = max(until, self._until.get(key, until))

    def _may_stay(self, key: DestinationKey, compiled: CompiledConfig) -> bool:
        virtual = compiled.virtual(key.service)
        wanted = virtual is not None and (virtual.quiescent or key in self._by_operator)
        return wanted and not compiled.servers(key)

    def rows(self, services: Iterable[ServiceKey]) -> dict[Key, Row]:
        """Return the draining rows of these services."""
        wanted = frozenset(services) if self._rows else frozenset()
        return {key: row for key, row in self._rows.items() if key.service in wanted}

    def exclude(self, rows: Table) -> Table:
        """Return the rows without the draining ones, of which changes by others are not reported."""
        return {key: row for key, row in rows.items() if key not in self._rows} if self._rows else rows

    def discard_missing(self, service: ServiceKey, found: Table) -> None:
        """Stop draining rows that somebody removed; if the whole service is gone, they come back with it."""
        if self._rows and service in found:
            self._discard({key for key in self._rows if key.service == service and key not in found})

    async def end(self, count: Count, resync_timer: ResyncTimer, now: float) -> dict[ServiceKey, None]:
        """Stop draining rows that have no connections or whose time is over; return their services.

        If the kernel does not hold one of the rows, a resync is due. Raises KernelError.
        """
        self._schedule(now)
        connections = await count({key.service for key in self._rows})
        if self._rows.keys() - connections.keys():
            resync_timer.due_now()
        counted = self._rows.keys() & connections.keys()
        over = {key for key in counted if self._until[key] <= now or not connections[key]}
        self._discard(over)
        self._schedule(now)
        return {key.service: None for key in over}

    def _discard(self, keys: Iterable[DestinationKey]) -> None:
        for key in keys:
            del self._rows[key], self._until[key]
            self._by_operator.discard(key)

    def _schedule(self, now: float) -> None:
        self.due = now + COUNT_INTERVAL if self._rows else math.inf


def _former_rows(former: Virtual, virtual: Virtual) -> list[DestinationKey]:
    """Return the rows that the servers of the same names had before, moved or not."""
    if former.reals == virtual.reals:
        return []
    named = {(real.name, real.port) for real in virtual.reals if real.name is not None}
    return [row_key(former, real) for real in former.reals if (real.name, real.port) in named]


def _drained_rows(left: Left) -> set[DestinationKey]:
    """Return the rows of the servers that an operator had drained."""
    drained = [key for key, state in left.administration.items() if state is AdministrativeState.DRAIN]
    virtuals = left.former.virtuals
    compiled = (virtuals[key.service].reals.get(key) for key in drained if key.service in virtuals)
    return {real.row for real in compiled if real is not None}
