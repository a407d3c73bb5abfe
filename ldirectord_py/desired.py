"""What the kernel's table should hold, from the configuration and the health of its servers.

The only translator between the vocabulary of ldirectord.cf and the kernel's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address

from ldirectord_py.config.model import NO_ENGINE, CheckType, Config, Fallback, Forward, Real, Virtual
from ldirectord_py.health import HealthState
from ldirectord_py.ipvs.table import (
    NO_FLAGS,
    Destination,
    DestinationKey,
    Key,
    Protocol,
    Row,
    Service,
    ServiceFlag,
    Table,
    VirtualAddress,
)
from ldirectord_py.ipvs.table import Forward as Method

Health = Mapping[DestinationKey, HealthState]
"""The state of each real server, by its virtual and its own address and port (see ``real_key``)."""

ByHand = Mapping[DestinationKey, int | None]
"""What somebody changed in the kernel and we leave alone: a weight, or None for a row that was removed."""

_METHODS = {Forward.GATE: Method.ROUTE, Forward.MASQ: Method.MASQUERADE, Forward.IPIP: Method.TUNNEL}

_SCHEDULER_FLAGS = {
    "flag-1": ServiceFlag.SCHED_1,
    "flag-2": ServiceFlag.SCHED_2,
    "flag-3": ServiceFlag.SCHED_3,
    "sh-fallback": ServiceFlag.SCHED_1,
    "sh-port": ServiceFlag.SCHED_2,
    "mh-fallback": ServiceFlag.SCHED_1,
    "mh-port": ServiceFlag.SCHED_2,
}


def desired(config: Config, health: Health, by_hand: ByHand) -> Table:
    """Return every row that the configuration asks for now."""
    return {key: row for virtual in config.virtuals for key, row in rows(virtual, health, by_hand).items()}


def adopt(virtual: Virtual, table: Table) -> dict[DestinationKey, HealthState]:
    """Return the first state of a virtual's real servers: up with ``on``, or with weight in the kernel."""
    return {real_key(virtual, real): HealthState(up=_is_up(virtual, real, table)) for real in virtual.reals}


def _is_up(virtual: Virtual, real: Real, table: Table) -> bool:
    row = table.get(row_key(virtual, real))
    return virtual.checktype is CheckType.ON or (isinstance(row, Destination) and row.weight > 0)


def real_key(virtual: Virtual, real: Real) -> DestinationKey:
    """Return the identity of a real server within its virtual: its address and port as configured."""
    return DestinationKey(virtual.key, real.server, real.port)


def row_key(virtual: Virtual, server: Real | Fallback) -> DestinationKey:
    """Return the kernel's key of a server.

    Linux sends gate and ipip packets to the service's own port whatever the row says, so the row says it too.
    """
    return DestinationKey(virtual.key, server.server, _port(virtual, server))


def _port(virtual: Virtual, server: Real | Fallback) -> int:
    if isinstance(virtual.key, VirtualAddress) and (server.forward is not Forward.MASQ or not server.port):
        return virtual.key.port
    return server.port


def rows(virtual: Virtual, health: Health, by_hand: ByHand) -> dict[Key, Row]:
    """Return the rows that one virtual asks for: its service, its servers, its fallback while none is up."""
    out = not any(health[real_key(virtual, real)].up for real in virtual.reals)
    return virtual_rows(virtual).rows(health, by_hand, out=out)


@dataclass(frozen=True, slots=True)
class DestinationSlot:
    """A destination that a virtual may have: the ``servers`` behind it, and what they are to the kernel.

    ``up`` has the identity of each real server and its row while it is up, in the order of the file. While none of
    them is up the row is ``down``; while no server of the whole virtual is, ``fallback``; where None, there is none.
    """

    servers: tuple[Real | Fallback, ...] = ()
    up: tuple[tuple[DestinationKey, Destination], ...] = ()
    down: Destination | None = None
    fallback: Destination | None = None

    def row(self, health: Health, *, out: bool) -> Destination | None:
        """Return the row that is asked for now; ``out`` says that no server of the virtual is up."""
        for key, row in self.up:
            if health[key].up:
                return row
        return self.fallback if out and self.fallback else self.down


@dataclass(frozen=True, slots=True)
class VirtualRows:
    """All rows that a virtual may ever ask for, made once: its service, and its places by the kernel's keys.

    ``identities`` are those of its real servers, in the order of the file.
    """

    service: Service
    identities: tuple[DestinationKey, ...]
    slots: Mapping[DestinationKey, DestinationSlot]
    fallback: DestinationKey | None = None

    def rows(
        self, health: Health, by_hand: ByHand, *, out: bool, only: Iterable[DestinationKey] | None = None
    ) -> dict[Key, Row]:
        """Return the rows that are asked for now, or the service and ``only`` those destinations.

        ``out`` says that no server of the virtual is up.
        """
        table: dict[Key, Row] = {self.service.key: self.service}
        for key in self.slots if only is None else only:
            row = self.slots.get(key, _NOWHERE).row(health, out=out)
            if row is not None and key in by_hand:
                row = _left_alone(row, by_hand[key])
            if row is not None:
                table[key] = row
        return table


_NOWHERE = DestinationSlot()


def virtual_rows(virtual: Virtual) -> VirtualRows:
    """Return the roster of a virtual; servers stand in it from the last to the first, as they are to be added."""
    identities = tuple(real_key(virtual, real) for real in virtual.reals)
    places: dict[DestinationKey, DestinationSlot] = {}
    for identity, real in zip(reversed(identities), reversed(virtual.reals), strict=True):
        same = _port(virtual, real) == real.port
        key = identity if same else row_key(virtual, real)  # one object: they are looked up all the time
        others = places.get(key, _NOWHERE)
        up = (identity, _destination(key, real, real.weight))
        down = others.down or (_destination(key, real, 0) if virtual.quiescent else None)
        places[key] = DestinationSlot((real, *others.servers), (up, *others.up), down)
    if virtual.fallback is None:
        return VirtualRows(service(virtual), identities, places)
    key = row_key(virtual, virtual.fallback)
    place, row = places.get(key, _NOWHERE), Destination(key, _METHODS[virtual.fallback.forward], 1)
    places[key] = DestinationSlot((*place.servers, virtual.fallback), place.up, place.down, row)
    return VirtualRows(service(virtual), identities, places, key)


def method(server: Real | Fallback) -> Method:
    """Return how packets reach a server, in the kernel's words."""
    return _METHODS[server.forward]


def _destination(key: DestinationKey, real: Real, weight: int) -> Destination:
    return Destination(key, _METHODS[real.forward], weight, real.upper, real.lower)


def _left_alone(row: Destination, weight: int | None) -> Destination | None:
    return None if weight is None else Destination(row.key, row.forward, weight, row.upper, row.lower)


def service(virtual: Virtual) -> Service:
    """Return the service row of a virtual."""
    flags = _scheduler_flags(virtual.schedflags)
    if virtual.persistent is not None:
        flags |= ServiceFlag.PERSISTENT
    if virtual.ops and virtual.protocol is Protocol.UDP:
        flags |= ServiceFlag.ONE_PACKET
    mask = _mask(virtual.netmask if virtual.persistent is not None else None, ipv6=virtual.key.ipv6)
    engine = "" if virtual.pe in {None, NO_ENGINE} else virtual.pe
    return Service(virtual.key, virtual.scheduler, flags, virtual.persistent or 0, mask, engine, virtual.pe is None)


def _scheduler_flags(words: str | None) -> ServiceFlag:
    flags = NO_FLAGS
    for word in re.split(r"[\s,]+", words or ""):
        flags |= _SCHEDULER_FLAGS.get(word, NO_FLAGS)
    return flags


def _mask(netmask: str | None, *, ipv6: bool) -> int:
    if ipv6:
        return int(netmask or 128)
    return int(IPv4Address(netmask or "255.255.255.255"))
