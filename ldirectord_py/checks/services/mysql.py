"""``service = mysql``: a query that returns a row."""

from __future__ import annotations

from ldirectord_py.checks.base import Kind

KIND = Kind("mysql", None, port=3306, uses=frozenset({"login", "passwd", "database", "request"}))
