"""The interface for kinds of ``service`` from other packages; docs/checks.md, "Kinds of your own", describes it.

Everything else in this package may change with any release.
"""

from __future__ import annotations

from ldirectord_py.checks.base import TLS, Checker, Kind, Target
from ldirectord_py.checks.pattern import Pattern
from ldirectord_py.checks.pattern import compiled as compile_pattern
from ldirectord_py.checks.progress import set_progress
from ldirectord_py.checks.reasons import excerpt
from ldirectord_py.checks.search import search
from ldirectord_py.checks.transport.datagram import Datagrams, UnrelatedAnswer
from ldirectord_py.checks.transport.datagram import connect as connect_udp
from ldirectord_py.checks.transport.stream import Stream
from ldirectord_py.checks.transport.stream import connect as connect_tcp
from ldirectord_py.errors import BadStatus, CheckFailed, Inconclusive
from ldirectord_py.ipvs.table import Protocol

__all__ = [
    "TLS",
    "BadStatus",
    "CheckFailed",
    "Checker",
    "Datagrams",
    "Inconclusive",
    "Kind",
    "Pattern",
    "Protocol",
    "Stream",
    "Target",
    "UnrelatedAnswer",
    "compile_pattern",
    "connect_tcp",
    "connect_udp",
    "excerpt",
    "search",
    "set_progress",
]
