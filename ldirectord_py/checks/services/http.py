"""``service = http``: an answer of success (2xx) whose body matches ``receive``."""

from __future__ import annotations

from ldirectord_py.checks import http1, request
from ldirectord_py.checks.base import Kind, Target


async def check(target: Target) -> str:
    """Return the status line."""
    return await http1.ask(request.first("http", target), target.receive)


KIND = Kind("http", check, port=80, uses=frozenset({"request", "receive", "httpmethod", "virtualhost"}))
