"""The old addresses of servers that moved: they keep their connections, and get no new clients."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from typing import Final

from ldirectord_py.config.model import Virtual
from ldirectord_py.daemon.reconciler.compiled_config import CompiledConfig
from ldirectord_py.daemon.reconciler.resync_timer import ResyncTimer
from ldirectord_py.desired import row_key
from ldirectord_py.ipvs.table import Destination, DestinationKey, Key, Row, ServiceKey, Table

COUNT_INTERVAL: Final = 10.0
"""Seconds between two counts of the connections."""

MAX_DRAIN_TIME: Final = 600.0
"""Seconds after which a row is removed with its connections; ``persistent`` counts if it is longer."""

Count = Callable[[Collection[ServiceKey]], Awaitable[Mapping[DestinationKey, int]]]


class Draining:
    """The rows that servers given by name have left behind in quiescent virtuals, with weight 0.

    Its state: these rows, until when each may stay, and when their connections are counted next (``due``), in
    seconds of the loop's clock.
    """

    def __init__(self) -> None:
        self.due = math.inf
        self._rows: dict[DestinationKey, Destination] = {}
        self._until: dict[DestinationKey, float] = {}

    def switch_config(
        self, former: CompiledConfig, compiled: CompiledConfig, rows: Callable[[ServiceKey], Table], now: float
    ) -> None:
        """Drain the rows of servers that moved; stop draining a row that a server has again."""
        self._discard({key for key in self._rows if not _may_stay(key, compiled)})
        for virtual in compiled.config.virtuals:
            before = former.virtual(virtual.key)
            for key in _former_rows(before, virtual) if before else ():
                row = rows(virtual.key).get(key)
                if isinstance(row, Destination) and _may_stay(key, compiled) and key not in self._rows:
                    self._rows[key] = Destination(row.key, row.forward, 0, row.upper, row.lower)
                    self._until[key] = now + max(MAX_DRAIN_TIME, virtual.persistent or 0)
        self.due = min(self.due, now + COUNT_INTERVAL) if self._rows else math.inf

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

    def _schedule(self, now: float) -> None:
        self.due = now + COUNT_INTERVAL if self._rows else math.inf


def _former_rows(former: Virtual, virtual: Virtual) -> list[DestinationKey]:
    """Return the rows that the servers of the same names had before, moved or not."""
    if former.reals == virtual.reals:
        return []
    named = {(real.name, real.port) for real in virtual.reals if real.name is not None}
    return [row_key(former, real) for real in former.reals if (real.name, real.port) in named]


def _may_stay(key: DestinationKey, compiled: CompiledConfig) -> bool:
    virtual = compiled.virtual(key.service)
    return virtual is not None and virtual.quiescent and not compiled.servers(key)
