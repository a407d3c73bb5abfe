"""``service = https``: as http, over TLS."""

from __future__ import annotations

from ldirectord_py.checks.base import TLS
from ldirectord_py.checks.protocols.http1 import http_kind

KIND = http_kind("https", 443, TLS | {"virtualhost"})
