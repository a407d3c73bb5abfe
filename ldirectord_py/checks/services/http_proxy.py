"""``service = http_proxy``: an absolute URL, fetched through the server as a proxy."""

from __future__ import annotations

from ldirectord_py.checks import http1, request
from ldirectord_py.checks.base import Kind, Target


async def check(target: Target) -> str:
    """Return the status line."""
    return await http1.ask(request.first("http_proxy", target), target)


KIND = Kind("http_proxy", check, port=3128, uses=http1.USES)
