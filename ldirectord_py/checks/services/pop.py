"""``service = pop``: the greeting, and a login where one is set."""

from __future__ import annotations

from ldirectord_py.checks.base import Kind

KIND = Kind("pop", None, port=110, uses=frozenset({"login", "passwd"}))
