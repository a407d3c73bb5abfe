"""``service = imaps``: as imap, over TLS."""

from __future__ import annotations

from ldirectord_py.checks.base import Kind

KIND = Kind("imaps", None, port=993, uses=frozenset({"login", "passwd"}))
