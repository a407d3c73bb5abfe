"""``service = imap``: the greeting, and a login where one is set."""

from __future__ import annotations

from ldirectord_py.checks.base import Kind

KIND = Kind("imap", None, port=143, uses=frozenset({"login", "passwd"}))
