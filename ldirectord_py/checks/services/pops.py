"""``service = pops``: as pop, over TLS."""

from __future__ import annotations

from ldirectord_py.checks.base import Kind

KIND = Kind("pops", None, port=995, uses=frozenset({"login", "passwd"}))
