"""The one table of checkers: which coroutine a Check's kind stands for."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from ldirectord_py.checks import connect
from ldirectord_py.checks.base import Check, Checker, Kind
from ldirectord_py.checks.combined import Combined
from ldirectord_py.checks.services import KINDS

CHECKTYPES: Mapping[str, Kind] = MappingProxyType({kind.name: kind for kind in (connect.KIND,)})
"""The words of ``checktype`` that probe something without a ``service``."""


def checker_for(check: Check) -> Checker:
    """Return a checker, a fresh one where it has a state; raises KeyError for an unknown kind."""
    kind = CHECKTYPES.get(check.kind) or KINDS[check.kind]
    plain = _connect(check)
    negotiate = kind.check or plain
    if check.connects is None:
        return negotiate
    return Combined(negotiate, plain, check.connects, check.connect_timeout)


def _connect(check: Check) -> Checker:
    """Return what stands for a connect: a ping where the protocol knows no connection."""
    return connect.check
