"""``service = pgsql``: a query that returns a row."""

from __future__ import annotations

from ldirectord_py.checks.base import Kind

KIND = Kind("pgsql", None, port=5432, uses=frozenset({"login", "passwd", "database", "request"}))
