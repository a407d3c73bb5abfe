"""``service = https``: as http, over TLS."""

from __future__ import annotations

from ldirectord_py.checks import http1, request
from ldirectord_py.checks.base import TLS, Kind, Target


async def check(target: Target) -> str:
    """Return the status line."""
    return await http1.ask(request.first("https", target), target)


KIND = Kind("https", check, port=443, uses=http1.USES | TLS | {"virtualhost"})
