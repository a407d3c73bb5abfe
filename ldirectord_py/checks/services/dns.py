"""``service = dns``: any answer, or one that matches ``receive``."""

from __future__ import annotations

from ldirectord_py.checks.base import Kind

KIND = Kind("dns", None, port=53, uses=frozenset({"protocol", "request", "receive"}))
