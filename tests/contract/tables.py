"""Strategies for IPVS tables that Linux takes."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

from hypothesis import strategies as st

from ldirectord_py.address import Address
from ldirectord_py.ipvs.table import (
    IPIP,
    NO_FLAGS,
    Destination,
    DestinationKey,
    FirewallMark,
    ForwardMethod,
    Protocol,
    Row,
    Service,
    ServiceFlag,
    ServiceKey,
    Table,
    Tunnel,
    VirtualAddress,
)

PORTS = st.integers(1, 65535)
FORWARDS = st.sampled_from([ForwardMethod.MASQUERADE, ForwardMethod.LOCAL, ForwardMethod.TUNNEL, ForwardMethod.ROUTE])
TUNNELS = st.sampled_from([IPIP, Tunnel(1, 6080), Tunnel(1, 65535, 2), Tunnel(2, 0, 1)])
EXTRA_FLAGS = st.sampled_from([NO_FLAGS, ServiceFlag.ONE_PACKET, ServiceFlag.SCHED_1, ServiceFlag.SCHED_2])


def addresses(*, ipv6: bool, spread: int = 40) -> st.SearchStrategy[Address]:
    """Return unicast addresses out of a few, so that tables overlap."""
    if ipv6:
        return st.integers(1, spread).map(lambda n: IPv6Address("2001:db8::") + n)
    return st.integers(1, spread).map(lambda n: IPv4Address("10.0.0.0") + n)


def keys(ports: st.SearchStrategy[int] = PORTS) -> st.SearchStrategy[ServiceKey]:
    """Return the keys of services of every sort."""
    marks = st.builds(FirewallMark, st.integers(1, 2**32 - 1), st.booleans())
    virtual = st.booleans().flatmap(
        lambda ipv6: st.builds(VirtualAddress, st.sampled_from(Protocol), addresses(ipv6=ipv6), ports)
    )
    return marks | virtual


@st.composite
def services(draw: st.DrawFn, key: ServiceKey) -> Service:
    """Return a service row of the key."""
    scheduler = draw(st.sampled_from(["rr", "wrr", "lc", "wlc", "sh"]))
    flags = draw(EXTRA_FLAGS)
    if not draw(st.booleans()):
        return Service(key, scheduler, flags, mask=128 if key.ipv6 else 0xFFFFFFFF)
    mask = draw(st.integers(1, 128)) if key.ipv6 else 2**32 - 2 ** draw(st.integers(0, 31))
    return Service(key, scheduler, flags | ServiceFlag.PERSISTENT, draw(st.integers(1, 86400)), mask)


@st.composite
def destinations(draw: st.DrawFn, service: ServiceKey, ports: st.SearchStrategy[int] = PORTS) -> Destination:
    """Return a destination row of the service; one of the other family goes by tunnel."""
    forward = draw(FORWARDS)
    ipv6 = draw(st.booleans()) if forward is ForwardMethod.TUNNEL else service.ipv6
    key = DestinationKey(service, draw(addresses(ipv6=ipv6)), draw(ports))
    upper = draw(st.integers(0, 2**32 - 1))
    return Destination(
        key, forward, draw(st.integers(0, 3) | st.integers(0, 2**31 - 1)), upper, draw(st.integers(0, upper))
    )


def wrapped(service: ServiceKey) -> st.SearchStrategy[Destination]:
    """Return a destination row of the service as the kernel may have it, with any tunnel."""
    return st.builds(lambda row, tunnel: row._replace(tunnel=tunnel), destinations(service), TUNNELS)


@st.composite
def tables(draw: st.DrawFn, size: int = 5) -> Table:
    """Return a table; the ports are few, so that two tables share keys."""
    ports = st.sampled_from([53, 80, 443])
    rows: list[Row] = []
    for key in draw(st.lists(keys(ports), unique=True, max_size=size)):
        rows.append(draw(services(key)))
        rows += draw(st.lists(destinations(key, ports), unique_by=lambda row: row.key, max_size=size))
    return {row.key: row for row in rows}


@st.composite
def successors(draw: st.DrawFn, table: Table) -> Table:
    """Return a table that shares keys and rows with ``table``."""
    kept = {key: row for key, row in table.items() if draw(st.integers(0, 3))}
    for row in [row for row in kept.values() if draw(st.booleans())]:
        if isinstance(row, Service):
            kept[row.key] = draw(services(row.key))
        else:
            kept[row.key] = draw(destinations_at(row.key))
    merged = {**kept, **draw(tables(3))}
    return {key: row for key, row in merged.items() if not isinstance(key, DestinationKey) or key.service in merged}


@st.composite
def destinations_at(draw: st.DrawFn, key: DestinationKey) -> Destination:
    """Return a destination row of the key."""
    mixed = key.service.ipv6 != (key.address.version == 6)
    forward = ForwardMethod.TUNNEL if mixed else draw(FORWARDS)
    return Destination(key, forward, draw(st.integers(0, 3)))
