"""``service = simpletcp``: send ``request``, match ``receive``."""

from __future__ import annotations

from ldirectord_py.checks.base import Kind

KIND = Kind("simpletcp", None, uses=frozenset({"protocol", "request", "receive"}))
