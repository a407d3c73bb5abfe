"""Tables as the lines of ``ipvsadm --save -n``, which ``ipvsadm --restore`` reads."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address

from ldirectord_py.ipvs.diff import Op, Verb
from ldirectord_py.ipvs.table import (
    DestinationKey,
    FirewallMark,
    ForwardMethod,
    Key,
    Protocol,
    Row,
    Service,
    ServiceFlag,
    ServiceKey,
    Table,
    Tunnel,
)

EACH_CLIENT = {False: 0xFFFFFFFF, True: 128}
"""The mask that groups no clients, by whether the service has an IPv6 address."""

PROTOCOLS = {Protocol.TCP: "-t", Protocol.UDP: "-u", Protocol.SCTP: "--sctp-service"}
FORWARDS = {
    ForwardMethod.MASQUERADE: "-m",
    ForwardMethod.LOCAL: "-g",
    ForwardMethod.TUNNEL: "-i",
    ForwardMethod.ROUTE: "-g",
    ForwardMethod.BYPASS: "-g",
}
TUNNEL_KINDS = ("ipip", "gue", "gre")
CHECKSUMS = ("--tun-nocsum", "--tun-csum", "--tun-remcsum")
SCHEDULER_FLAGS = (ServiceFlag.SCHED_1, ServiceFlag.SCHED_2, ServiceFlag.SCHED_3)
FLAG_NAMES = {name: (f"{name}-fallback", f"{name}-port", "flag-3") for name in ("sh", "mh")}
ANY_FLAG_NAMES = ("flag-1", "flag-2", "flag-3")
"""The names of SCHEDULER_FLAGS for schedulers without names for them."""


def in_order(table: Table) -> list[Row]:
    """Return the rows in the order of ipvsadm: each service before its destinations, both sorted."""
    return [table[key] for key in sorted(table, key=_sort_key)]


def _sort_key(key: Key) -> tuple[object, ...]:
    if isinstance(key, DestinationKey):
        return (*_sort_key(key.service), key.address.version, int(key.address), key.port)
    if isinstance(key, FirewallMark):
        return (key.mark, key.ipv6, 0, 0, 0)
    return (0, key.ipv6, key.protocol, int(key.address), key.port)


def save(table: Table) -> str:
    """Return the table as ``ipvsadm --save -n`` prints it, and also the thresholds of destinations."""
    return "".join(f"{_saved(row)}\n" for row in in_order(table))


def values(row: Row) -> str:
    """Return the options of a row that may change: those that follow its key."""
    return " ".join(_values(row))


def command(op: Op) -> str:
    """Return the ipvsadm command of an op."""
    letter = {Verb.ADD: "a", Verb.EDIT: "e", Verb.DELETE: "d"}[op.verb]
    letter = letter.upper() if isinstance(op.row, Service) else letter
    if op.verb is not Verb.DELETE:
        return f"ipvsadm -{letter}{_saved(op.row)[2:]}"
    if isinstance(op.row, Service):
        return f"ipvsadm -{letter} {_option(op.row.key)}"
    key = op.row.key
    return f"ipvsadm -{letter} {_option(key.service)} -r {key.endpoint}"


def _saved(row: Row) -> str:
    if isinstance(row, Service):
        return f"-A {_option(row.key)} {values(row)}"
    return f"-a {_option(row.key.service)} -r {row.key.endpoint} {values(row)}"


def _values(row: Row) -> Iterator[str]:
    if isinstance(row, Service):
        yield from ("-s", row.scheduler, *_saved_options(row))
        return
    yield from (FORWARDS[row.forward], "-w", str(row.weight))
    if row.forward is ForwardMethod.TUNNEL:
        yield from _tunnel_words(row.tunnel)
    if row.upper or row.lower:
        yield from ("-x", str(row.upper), "-y", str(row.lower))


def _tunnel_words(tunnel: Tunnel) -> Iterator[str]:
    yield from ("--tun-type", "".join(TUNNEL_KINDS[tunnel.kind : tunnel.kind + 1]) or str(tunnel.kind))
    if tunnel.port:
        yield from ("--tun-port", str(tunnel.port))
    if tunnel.kind:
        yield from CHECKSUMS[tunnel.flags : tunnel.flags + 1]  # none for flags that ipvsadm has no option for


def _option(key: ServiceKey) -> str:
    if isinstance(key, FirewallMark):
        return f"-f {key.mark} -6" if key.ipv6 else f"-f {key.mark}"
    return f"{PROTOCOLS[key.protocol]} {key.endpoint}"


def _saved_options(row: Service) -> Iterator[str]:
    if ServiceFlag.PERSISTENT in row.flags:
        yield f"-p {row.persistence}"
        if row.mask != EACH_CLIENT[row.key.ipv6]:
            yield f"-M {_mask(row)}"
    if row.engine:
        yield f"--pe {row.engine}"
    if ServiceFlag.ONE_PACKET in row.flags:
        yield "-o"
    if names := _flag_names(row):
        yield f"-b {names}"


def _mask(row: Service) -> str:
    return str(row.mask) if row.key.ipv6 else str(IPv4Address(row.mask))


def _flag_names(row: Service) -> str:
    names = FLAG_NAMES.get(row.scheduler, ANY_FLAG_NAMES)
    return ",".join(name for name, flag in zip(names, SCHEDULER_FLAGS, strict=True) if flag in row.flags)
