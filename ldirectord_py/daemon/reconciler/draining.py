"""The old addresses of servers that moved: they keep their connections, and get no new clients."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from typing import Final

from ldirectord_py.config.model import Virtual
from ldirectord_py.daemon.reconciler.compiled_config import CompiledConfig
from ldirectord_py.daemon.reconciler.resync_timer import ResyncTimer
from ldirectord_py.desired import row_key
from ldirectord_py.ipvs.table import Destination, DestinationKey, Key, Row, ServiceKey

EVERY: Final = 10.0
"""Seconds between two counts of the connections."""

AT_MOST: Final = 600.0
"""Seconds after which a row goes with the connections that it has, or the time of ``persistent`` if that is longer."""

Count = Callable[[Collection[ServiceKey]], Awaitable[Mapping[DestinationKey, int]]]
Rows = Mapping[Key, Row]


class Draining:
    """The rows that servers given by name have left behind in quiescent virtuals, with weight 0.

    Its state: these rows, until when each may stay, and when their connections are counted next (``due``), in
    seconds of the loop's clock.
    """

    def __init__(self) -> None:
        self.due = math.inf
        self._rows: dict[DestinationKey, Destination] = {}
        self._until: dict[DestinationKey, float] = {}

    def follow(
        self, former: CompiledConfig, compiled: CompiledConfig, held: Callable[[ServiceKey], Rows], now: float
    ) -> None:
        """Take up what these orders leave behind of what the kernel held, and let go of what they have themselves."""
        self._drop({key for key in self._rows if not _may_stay(key, compiled)})
        for virtual in compiled.config.virtuals:
            before = former.virtual(virtual.key)
            for key in _before(before, virtual) if before else ():
                row = held(virtual.key).get(key)
                if isinstance(row, Destination) and _may_stay(key, compiled) and key not in self._rows:
                    self._rows[key] = Destination(row.key, row.forward, 0, row.upper, row.lower)
                    self._until[key] = now + max(AT_MOST, virtual.persistent or 0)
        self.due = min(self.due, now + EVERY) if self._rows else math.inf

    def rows(self, services: Iterable[ServiceKey]) -> dict[Key, Row]:
        """Return the rows of these services that are to stay."""
        wanted = frozenset(services) if self._rows else frozenset()
        return {key: row for key, row in self._rows.items() if key.service in wanted}

    def besides(self, rows: Rows) -> Rows:
        """Return those rows of the kernel's that are not ours: what others do to ours is not worth a word."""
        return {key: row for key, row in rows.items() if key not in self._rows} if self._rows else rows

    def notice(self, service: ServiceKey, found: Rows) -> None:
        """Let go of rows that somebody removed; those of a service that went itself come back with it."""
        if self._rows and service in found:
            self._drop({key for key in self._rows if key.service == service and key not in found})

    async def review(self, count: Count, looks: ResyncTimer, now: float) -> dict[ServiceKey, None]:
        """Let go of the rows that have no connections any more, or no time; return their services.

        Where the kernel does not have one, a look is due.
        """
        self._rest(now)
        connections = await count({key.service for key in self._rows})
        if self._rows.keys() - connections.keys():
            looks.due_now()
        held = self._rows.keys() & connections.keys()
        over = {key for key in held if self._until[key] <= now or not connections[key]}
        self._drop(over)
        self._rest(now)
        return {key.service: None for key in over}

    def _drop(self, keys: Iterable[DestinationKey]) -> None:
        for key in keys:
            del self._rows[key], self._until[key]

    def _rest(self, now: float) -> None:
        self.due = now + EVERY if self._rows else math.inf


def _before(former: Virtual, virtual: Virtual) -> list[DestinationKey]:
    """Return the rows that the servers of the same names had before, moved or not."""
    if former.reals == virtual.reals:
        return []
    named = {(real.name, real.port) for real in virtual.reals if real.name is not None}
    return [row_key(former, real) for real in former.reals if (real.name, real.port) in named]


def _may_stay(key: DestinationKey, compiled: CompiledConfig) -> bool:
    virtual = compiled.virtual(key.service)
    return virtual is not None and virtual.quiescent and not compiled.servers(key)
