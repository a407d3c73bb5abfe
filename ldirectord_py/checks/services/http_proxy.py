"""``service = http_proxy``: an absolute URL, fetched through the server."""

from __future__ import annotations

from ldirectord_py.checks.base import Kind

KIND = Kind("http_proxy", None, port=3128, uses=frozenset({"request", "receive", "httpmethod"}))
