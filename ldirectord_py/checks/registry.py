"""The one table of kinds, our own and those of plug-ins: which coroutine a Check's kind stands for."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from functools import cache
from importlib.metadata import entry_points
from types import MappingProxyType

from ldirectord_py.checks.base import TLS, Check, Checker, Kind, Target
from ldirectord_py.checks.checktypes import command, connect, external, ping
from ldirectord_py.checks.checktypes.combined import Combined
from ldirectord_py.checks.plugins import GROUP, Plugins, plugins
from ldirectord_py.checks.prepared import Prepared
from ldirectord_py.checks.services import KINDS
from ldirectord_py.checks.transport.handshakes import Handshake
from ldirectord_py.ipvs.table import Protocol

_COMMANDS = frozenset({external.KIND.name, external.PERL_KIND.name})
_KINDS = (connect.KIND, ping.KIND, external.KIND, external.PERL_KIND)

CHECKTYPES: Mapping[str, Kind] = MappingProxyType({kind.name: kind for kind in _KINDS})
"""The words of ``checktype`` that probe something without a ``service``."""


@cache
def installed() -> Plugins:
    """Return the plug-ins of this installation, as they were when they were first asked for."""
    return plugins(entry_points(group=GROUP), {*KINDS, *CHECKTYPES})


@cache
def kinds() -> Mapping[str, Kind]:
    """Return every word of ``service``; where two imply the same port, ours is the last."""
    return MappingProxyType({kind.name: kind for kind in (*installed().kinds, *KINDS.values())})


def checker_for(check: Check) -> Checker:
    """Return a checker, a fresh one where it has a state; raises KeyError for an unknown kind."""
    plain = _plain(check.target)
    negotiate = _prepared(check) or plain
    if check.connects is None:
        return negotiate
    return Combined(negotiate, plain, check.connects, check.connect_timeout)


def turn_for(check: Check) -> AbstractAsyncContextManager[None] | None:
    """Return what each probe of the check has to hold: commands and TLS so many at once; None for others."""
    if is_command(check):
        return command.TURNS
    return Handshake() if _is_over_tls(check) else None


def is_command(check: Check) -> bool:
    """Whether the check runs a command."""
    return check.kind in _COMMANDS


def _prepared(check: Check) -> Checker | None:
    """Return the check of a kind, with what its probes share."""
    kind = _kind(check)
    if kind.prepare is not None:
        return kind.prepare(check.target)
    over_tls = _is_over_tls(check)
    if kind.check is not None and ("receive" in kind.uses or over_tls):
        return Prepared(kind.check, over_tls=over_tls)
    return kind.check


def _kind(check: Check) -> Kind:
    return CHECKTYPES.get(check.kind) or kinds()[check.kind]


def _is_over_tls(check: Check) -> bool:
    uses = _kind(check).uses
    return uses >= TLS and (check.target.starttls or "starttls" not in uses)


def _plain(target: Target) -> Checker:
    """Return the check that looks at no protocol; a ping where there is no connection to accept."""
    return ping.check if target.protocol is Protocol.UDP else connect.check
