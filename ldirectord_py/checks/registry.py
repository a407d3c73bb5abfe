"""The table of kinds, ours and those of plug-ins: which checker belongs to a Check."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

from ldirectord_py.checks.base import TLS, Check, Checker, Kind, Target
from ldirectord_py.checks.checktypes import connect, external, ping
from ldirectord_py.checks.checktypes.combined import Combined
from ldirectord_py.checks.limits import CheckLimits
from ldirectord_py.checks.plugins import GROUP, Plugins, may_be_installed, plugins
from ldirectord_py.checks.prepared import Prepared
from ldirectord_py.checks.services import KINDS
from ldirectord_py.checks.transport.handshakes import Handshake
from ldirectord_py.ipvs.table import Protocol
from ldirectord_py.runtime.limiter import Room

_KINDS = (connect.KIND, ping.KIND, external.KIND, external.PERL_KIND)

CHECKTYPES: Mapping[str, Kind] = MappingProxyType({kind.name: kind for kind in _KINDS})
"""The words of ``checktype`` that probe something without a ``service``."""


@cache
def installed() -> Plugins:
    """Return the plug-ins of this installation; they are looked for once."""
    if not may_be_installed(sys.path):
        return Plugins((), ())
    from importlib.metadata import entry_points  # noqa: PLC0415

    return plugins(entry_points(group=GROUP), {*KINDS, *CHECKTYPES})


@cache
def kinds() -> Mapping[str, Kind]:
    """Return every word of ``service``; where two imply the same port, ours is the last."""
    return MappingProxyType({kind.name: kind for kind in (*installed().kinds, *KINDS.values())})


def checker_for(check: Check, limits: CheckLimits | None = None) -> Checker:
    """Return the checker of one check, prepared for all its probes; raises KeyError for an unknown kind.

    Without ``limits`` it gets new ones.
    """
    if (prefix := external.PREFIXES.get(check.kind)) is not None:
        return external.CommandCheck((limits or CheckLimits()).commands, prefix)
    negotiate = _prepared(_kind(check), check.target) or _connect_checker(check.target)
    if check.connects is None:
        return negotiate
    return Combined(negotiate, _connect_checker(check.target), check.connects, check.connect_timeout)


def is_command(check: Check) -> bool:
    """Whether the check runs a command."""
    return check.kind in external.PREFIXES


def room_for(check: Check, limits: CheckLimits) -> Room | None:
    """Return the room that each probe of the check has to hold: commands and handshakes are limited, others are not."""
    if is_command(check):
        return limits.commands
    return Handshake(limits.handshakes) if _is_over_tls(_kind(check), check.target) else None


def _prepared(kind: Kind, target: Target) -> Checker | None:
    if kind.prepare is not None:
        return kind.prepare(target)
    over_tls = _is_over_tls(kind, target)
    if kind.check is not None and ("receive" in kind.uses or over_tls):
        return Prepared(kind.check, over_tls=over_tls)
    return kind.check


def _kind(check: Check) -> Kind:
    return CHECKTYPES.get(check.kind) or kinds()[check.kind]


def _is_over_tls(kind: Kind, target: Target) -> bool:
    return kind.uses >= TLS and (target.starttls or "starttls" not in kind.uses)


def _connect_checker(target: Target) -> Checker:
    """Return the checker without a protocol: a connect, or a ping over UDP, which accepts no connection."""
    return ping.check if target.protocol is Protocol.UDP else connect.ConnectCheck(target)
