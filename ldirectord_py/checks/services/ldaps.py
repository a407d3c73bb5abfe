"""``service = ldaps``: as ldap, over TLS."""

from __future__ import annotations

from ldirectord_py.checks.base import Kind

KIND = Kind("ldaps", None, port=636, uses=frozenset({"login", "passwd", "request", "receive"}))
