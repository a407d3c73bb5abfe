"""The checks of a configuration, and the real servers that each of them informs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from ldirectord_py.checks.base import Check, Kind, Target
from ldirectord_py.config.model import CheckType, Config, Real, Virtual
from ldirectord_py.desired import real_key
from ldirectord_py.health import Pace, Rules
from ldirectord_py.ipvs.table import DestinationKey, Protocol

T = TypeVar("T")
Plan = Mapping[Check, tuple[DestinationKey, ...]]

_FIELDS: Mapping[str, Callable[[Virtual, Real], Any]] = {
    "request": lambda _, real: real.request,
    "receive": lambda _, real: real.receive,
    "httpmethod": lambda virtual, _: virtual.httpmethod,
    "virtualhost": lambda virtual, _: virtual.virtualhost,
    "login": lambda virtual, _: virtual.login,
    "passwd": lambda virtual, _: virtual.passwd,
    "database": lambda virtual, _: virtual.database,
    "secret": lambda virtual, _: virtual.secret,
    "tlsverify": lambda virtual, _: virtual.tlsverify,
    "tlsca": lambda virtual, _: virtual.tlsca.pem if virtual.tlsverify and virtual.tlsca else "",
    "tlsname": lambda virtual, _: virtual.tlsname or virtual.virtualhost or "",
    "starttls": lambda virtual, _: virtual.starttls,
    "expectstatus": lambda virtual, _: virtual.expectstatus,
    "followredirects": lambda virtual, _: virtual.followredirects,
    "command": lambda virtual, _: virtual.checkcommand,
    "attempts": lambda virtual, _: virtual.checkcount,
    "virtual": lambda virtual, _: virtual.key,
}

_USES = {
    CheckType.CONNECT: frozenset[str](),
    CheckType.PING: frozenset({"attempts"}),
    CheckType.EXTERNAL: frozenset({"command", "virtual"}),
    CheckType.EXTERNAL_PERL: frozenset({"command", "virtual"}),
}


def plan(config: Config, kinds: Mapping[str, Kind]) -> Plan:
    """Return each check of the configuration with the real servers that it informs; equal checks are one."""
    return merged(
        (check, key := real_key(virtual, real), key)
        for virtual in config.virtuals
        for check, real in zip(checks(virtual, kinds), virtual.reals, strict=True)
    )


def checks(virtual: Virtual, kinds: Mapping[str, Kind]) -> tuple[Check | None, ...]:
    """Return the check of each real server of the virtual, None for a server without one."""
    if virtual.checktype in {CheckType.ON, CheckType.OFF}:
        return (None,) * len(virtual.reals)
    return tuple(_check(virtual, real, kinds) for real in virtual.reals)


def merged(checked: Iterable[tuple[Check | None, DestinationKey, T]]) -> dict[Check, tuple[T, ...]]:
    """Return each check with the servers that it informs, in order; a server of the same key is there once."""
    informed: dict[Check, dict[DestinationKey, T]] = {}
    for check, key, server in checked:
        if check is not None:
            informed.setdefault(check, {})[key] = server
    return {check: tuple(servers.values()) for check, servers in informed.items()}


def _check(virtual: Virtual, real: Real, kinds: Mapping[str, Kind]) -> Check | None:
    match virtual.checktype:
        case CheckType.ON | CheckType.OFF:
            return None
        case CheckType.NEGOTIATE | CheckType.COMBINED:
            return _negotiation(virtual, real, kinds[virtual.service])
        case CheckType.PING:
            return _ping(virtual, real)
        case CheckType.CONNECT if virtual.protocol is Protocol.UDP:
            return _ping(virtual, real)
        case CheckType.CONNECT:
            return _plain(virtual, real, virtual.checkport or real.port)
        case CheckType.EXTERNAL | CheckType.EXTERNAL_PERL:
            return _plain(virtual, real, real.port)


def _negotiation(virtual: Virtual, real: Real, kind: Kind) -> Check:
    port = virtual.checkport or real.port or kind.port
    protocol = virtual.protocol or kind.protocol
    fields = _fields(kind.uses - {"protocol"}, virtual, real)
    target = Target(real.server, port, virtual.negotiatetimeout, protocol, **fields)
    if virtual.connects is None:
        return Check(kind.name, target, virtual.checkinterval, pace=_pace(virtual))
    return Check(kind.name, target, virtual.checkinterval, virtual.connects, virtual.checktimeout, _pace(virtual))


def _ping(virtual: Virtual, real: Real) -> Check:
    """Each attempt has the whole checktimeout, as in the original."""
    fields = _fields(_USES[CheckType.PING], virtual, real)
    target = Target(real.server, 0, virtual.checktimeout * virtual.checkcount, **fields)
    return Check(CheckType.PING.value, target, virtual.checkinterval, pace=_pace(virtual))


def _plain(virtual: Virtual, real: Real, port: int) -> Check:
    fields = _fields(_USES[virtual.checktype], virtual, real)
    target = Target(real.server, port, virtual.checktimeout, **fields)
    return Check(virtual.checktype.value, target, virtual.checkinterval, pace=_pace(virtual))


def _pace(virtual: Virtual) -> Pace | None:
    """Return the pace of a virtual's checks; None where all intervals are the same, so that equal checks are one."""
    if virtual.fastinterval is None and virtual.downinterval is None:
        return None
    return Pace(virtual.fastinterval, virtual.downinterval, Rules(virtual.failurecount, virtual.successcount))


def _fields(names: frozenset[str], virtual: Virtual, real: Real) -> dict[str, Any]:
    return {name: _FIELDS[name](virtual, real) for name in names}
