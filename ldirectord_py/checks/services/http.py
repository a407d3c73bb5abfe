"""``service = http``: an answer of success, or with a status of ``expectstatus``, whose body matches ``receive``."""

from __future__ import annotations

from ldirectord_py.checks import http1, request
from ldirectord_py.checks.base import Kind, Target


async def check(target: Target) -> str:
    """Return the status line."""
    return await http1.ask(request.first("http", target), target)


KIND = Kind("http", check, port=80, uses=http1.USES | {"virtualhost"})
