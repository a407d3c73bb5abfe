"""``service = https``: as http, over TLS."""

from __future__ import annotations

from ldirectord_py.checks.base import Kind

KIND = Kind("https", None, port=443, uses=frozenset({"request", "receive", "httpmethod", "virtualhost"}))
