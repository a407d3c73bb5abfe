"""``service = oracle``: a query that returns a row."""

from __future__ import annotations

from ldirectord_py.checks.base import Kind

KIND = Kind("oracle", None, port=1521, uses=frozenset({"login", "passwd", "database", "request"}))
