"""What the kernel's table should hold, from the configuration and the health of its servers.

The only translator between the vocabulary of ldirectord.cf and the kernel's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from ipaddress import IPv4Address

from ldirectord_py.config.model import CheckType, Config, Fallback, Forward, Real, Virtual
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
    port = server.port
    if isinstance(virtual.key, VirtualAddress) and (server.forward is not Forward.MASQ or not port):
        port = virtual.key.port
    return DestinationKey(virtual.key, server.server, port)


def rows(virtual: Virtual, health: Health, by_hand: ByHand) -> dict[Key, Row]:
    """Return the rows that one virtual asks for: its service, its servers, its fallback while none is up."""
    table: dict[Key, Row] = {virtual.key: service(virtual)}
    up = [real for real in virtual.reals if health[real_key(virtual, real)].up]
    if virtual.quiescent:
        down = (_destination(virtual, real, 0) for real in virtual.reals)
        table |= {row.key: row for row in down}
    if virtual.fallback and not up:
        fallback = Destination(row_key(virtual, virtual.fallback), _METHODS[virtual.fallback.forward], 1)
        table[fallback.key] = fallback
    table |= {row.key: row for row in (_destination(virtual, real, real.weight) for real in reversed(up))}
    return dict(_left_alone(table, by_hand))


def _destination(virtual: Virtual, real: Real, weight: int) -> Destination:
    key = row_key(virtual, real)
    return Destination(key, _METHODS[real.forward], weight, real.upper, real.lower)


def _left_alone(table: Mapping[Key, Row], by_hand: ByHand) -> Iterator[tuple[Key, Row]]:
    for key, row in table.items():
        if not isinstance(row, Destination) or row.key not in by_hand:
            yield key, row
        elif (weight := by_hand[row.key]) is not None:
            yield key, Destination(row.key, row.forward, weight, row.upper, row.lower)


def service(virtual: Virtual) -> Service:
    """Return the service row of a virtual."""
    flags = _scheduler_flags(virtual.schedflags)
    if virtual.persistent is not None:
        flags |= ServiceFlag.PERSISTENT
    if virtual.ops and virtual.protocol is Protocol.UDP:
        flags |= ServiceFlag.ONE_PACKET
    mask = _mask(virtual.netmask if virtual.persistent is not None else None, ipv6=virtual.key.ipv6)
    return Service(virtual.key, virtual.scheduler, flags, virtual.persistent or 0, mask)


def _scheduler_flags(words: str | None) -> ServiceFlag:
    flags = NO_FLAGS
    for word in re.split(r"[\s,]+", words or ""):
        flags |= _SCHEDULER_FLAGS.get(word, NO_FLAGS)
    return flags


def _mask(netmask: str | None, *, ipv6: bool) -> int:
    if ipv6:
        return int(netmask or 128)
    return int(IPv4Address(netmask or "255.255.255.255"))
