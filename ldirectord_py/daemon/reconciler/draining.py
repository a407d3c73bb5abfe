"""Rows without a server: those of servers that moved, that were drained and then removed, or that were only removed.

They keep their connections, and get no new clients.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple

from ldirectord_py.administration import AdministrativeState
from ldirectord_py.config.model import Virtual
from ldirectord_py.daemon.reconciler.compiled_config import CompiledConfig
from ldirectord_py.daemon.reconciler.resync_timer import ResyncTimer
from ldirectord_py.desired import Administration, row_key
from ldirectord_py.ipvs.table import Destination, DestinationKey, Key, Row, ServiceKey, Table

COUNT_INTERVAL: Final = 10.0
"""Seconds between two counts of the connections."""

MAX_MOVED_TIME: Final = 600.0
"""Seconds after which the row of a server that moved is removed; ``persistent`` counts if it is longer."""

MAX_DRAINED_TIME: Final = 86_400.0
"""Seconds after which the row of a server that an operator had drained is removed with its connections."""

Count = Callable[[Collection[ServiceKey]], Awaitable[Mapping[DestinationKey, int]]]
"""Returns how many connections each row of these services has."""

RowsOf = Callable[[ServiceKey], Table]
"""Returns the rows of a service in the kernel."""


class DrainReason(StrEnum):
    """Why a row has no server any more."""

    MOVED = "moved"  # the host name of its server has another address now
    DRAINED = "drained"  # an operator had drained its server, which left the file
    REMOVED = "removed"  # its server left the file, and ``drainremoved`` is set


class _Stay(NamedTuple):
    """Why a row may stay, and until when."""

    reason: DrainReason
    until: float


@dataclass(frozen=True, slots=True)
class Left:
    """What a reload leaves: the ``former`` configuration, its ``rows`` in the kernel, and what was administered.

    ``kept`` are the rows that stay as they are, as they may belong to names without an address.
    """

    former: CompiledConfig
    rows: RowsOf
    administration: Administration
    kept: AbstractSet[DestinationKey]


class Draining:
    """The rows that servers have left behind, with weight 0.

    In quiescent virtuals those of servers given by name that have another address now; in virtuals with
    ``drainremoved`` those of all servers that left; in all virtuals those of servers that an operator had drained. Its
    state: these rows, until when each may stay for which reasons, and when their connections are counted next
    (``due``), in seconds of the loop's clock.
    """

    def __init__(self) -> None:
        self.due = math.inf
        self._rows: dict[DestinationKey, Destination] = {}
        self._until: dict[DestinationKey, dict[DrainReason, float]] = {}

    @property
    def keys(self) -> Collection[DestinationKey]:
        """The rows that are drained."""
        return self._rows.keys()

    @property
    def leaving(self) -> Mapping[DestinationKey, DrainReason]:
        """The rows that are drained, each with the reason for which it may stay longest."""
        return {key: max(until, key=until.__getitem__) for key, until in self._until.items()}

    def adopt(self, compiled: CompiledConfig, unknown: RowsOf, now: float) -> None:
        """Drain the ``unknown`` rows that belong to no server, in virtuals with ``drainremoved``.

        They may be those of servers that left the file while nobody directed the virtual, or that drained before.
        """
        for virtual in compiled.config.virtuals:
            stay = _Stay(DrainReason.REMOVED, now + virtual.drainremoved)
            for row in unknown(virtual.key).values() if virtual.drainremoved else ():
                self._add(row, stay, compiled)
        self._schedule_earlier(now)

    def switch_config(self, left: Left, compiled: CompiledConfig, now: float) -> None:
        """Drain the rows that servers leave behind; stop draining a row that a server has again."""
        self._discard_unwanted(compiled)
        for key, stay in _left_rows(left, compiled, now):
            self._add(left.rows(key.service).get(key), stay, compiled)
        self._schedule_earlier(now)

    def _add(self, row: Row | None, stay: _Stay, compiled: CompiledConfig) -> None:
        if isinstance(row, Destination) and _may_stay(stay.reason, row.key, compiled):
            self._rows.setdefault(row.key, Destination(row.key, row.forward, 0, row.upper, row.lower))
            until = self._until.setdefault(row.key, {})
            until[stay.reason] = max(stay.until, until.get(stay.reason, stay.until))

    def _discard_unwanted(self, compiled: CompiledConfig) -> None:
        """Drop the reasons that do not count any more, and the rows that have none left."""
        for key, until in self._until.items():
            self._until[key] = {reason: end for reason, end in until.items() if _may_stay(reason, key, compiled)}
        self._discard([key for key, until in self._until.items() if not until])

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
        over = {key for key in counted if self._ends_at(key) <= now or not connections[key]}
        self._discard(over)
        self._schedule(now)
        return {key.service: None for key in over}

    def _discard(self, keys: Iterable[DestinationKey]) -> None:
        for key in keys:
            del self._rows[key], self._until[key]

    def _ends_at(self, key: DestinationKey) -> float:
        return max(self._until[key].values())

    def _schedule(self, now: float) -> None:
        self.due = self._next_due(now) if self._rows else math.inf

    def _schedule_earlier(self, now: float) -> None:
        """Schedule the next count, but no later than it is due already, however often the configuration changes."""
        self.due = min(self.due, self._next_due(now)) if self._rows else math.inf

    def _next_due(self, now: float) -> float:
        """Return when to count next: when the time of a row is over, if that is sooner."""
        ends = (end for end in map(self._ends_at, self._rows) if end > now)
        return min(now + COUNT_INTERVAL, min(ends, default=math.inf))


def _may_stay(reason: DrainReason, key: DestinationKey, compiled: CompiledConfig) -> bool:
    virtual = compiled.virtual(key.service)
    if virtual is None or compiled.servers(key):
        return False
    match reason:
        case DrainReason.MOVED:
            return virtual.quiescent
        case DrainReason.DRAINED:
            return True
        case DrainReason.REMOVED:
            return virtual.drainremoved > 0


def _left_rows(left: Left, compiled: CompiledConfig, now: float) -> Iterator[tuple[DestinationKey, _Stay]]:
    """Yield the rows that servers leave behind if the kernel has them, each with a reason to keep it."""
    for service, new in compiled.virtuals.items():
        former, virtual = left.former.virtuals.get(service), new.virtual
        if former is None or former.virtual.reals == virtual.reals:
            continue
        if virtual.quiescent:
            until = now + max(MAX_MOVED_TIME, virtual.persistent or 0)
            yield from ((key, _Stay(DrainReason.MOVED, until)) for key in _named_rows(former.virtual, virtual))
        if virtual.drainremoved:
            stay = _Stay(DrainReason.REMOVED, now + virtual.drainremoved)
            gone = [key for key, slot in former.rows.slots.items() if slot.reals and key not in new.rows.slots]
            yield from ((key, stay) for key in gone if key not in left.kept)
    for key in _drained_rows(left):
        yield key, _Stay(DrainReason.DRAINED, now + MAX_DRAINED_TIME)


def _named_rows(former: Virtual, virtual: Virtual) -> list[DestinationKey]:
    """Return the rows that the servers of the same names had before, moved or not."""
    named = {(real.name, real.port) for real in virtual.reals if real.name is not None}
    return [row_key(former, real) for real in former.reals if (real.name, real.port) in named]


def _drained_rows(left: Left) -> set[DestinationKey]:
    """Return the rows of the servers that an operator had drained."""
    drained = [key for key, state in left.administration.items() if state is AdministrativeState.DRAIN]
    virtuals = left.former.virtuals
    compiled = (virtuals[key.service].reals.get(key) for key in drained if key.service in virtuals)
    return {real.row for real in compiled if real is not None}
