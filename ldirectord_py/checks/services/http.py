"""``service = http``: an answer of success whose body matches ``receive``."""

from __future__ import annotations

from ldirectord_py.checks.base import Kind

KIND = Kind("http", None, port=80, uses=frozenset({"request", "receive", "httpmethod", "virtualhost"}))
