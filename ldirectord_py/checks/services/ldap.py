"""``service = ldap``: a bind, and the entry that ``request`` names."""

from __future__ import annotations

from ldirectord_py.checks.base import Kind

KIND = Kind("ldap", None, port=389, uses=frozenset({"login", "passwd", "request", "receive"}))
