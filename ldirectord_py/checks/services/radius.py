"""``service = radius``: the user is accepted."""

from __future__ import annotations

from ldirectord_py.checks.base import Kind

KIND = Kind("radius", None, port=1812, uses=frozenset({"protocol", "login", "passwd", "secret"}))
