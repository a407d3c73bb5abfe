"""``service = http_proxy``: an absolute URL, fetched through the server as a proxy."""

from __future__ import annotations

from ldirectord_py.checks.protocols.http1 import http_kind

KIND = http_kind("http_proxy", 3128)
