"""``service = http``: an answer of success, or with a status of ``expectstatus``, whose body matches ``receive``."""

from __future__ import annotations

from ldirectord_py.checks.protocols.http1 import http_kind

KIND = http_kind("http", 80, {"virtualhost"})
