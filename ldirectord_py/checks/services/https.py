"""``service = https``: as http, over TLS; the certificate is not verified, SNI is the virtualhost."""

from __future__ import annotations

from ldirectord_py.checks import http1, request
from ldirectord_py.checks.base import Kind, Target


async def check(target: Target) -> str:
    """Return the status line."""
    return await http1.ask(request.first("https", target), target.receive)


KIND = Kind("https", check, port=443, uses=frozenset({"request", "receive", "httpmethod", "virtualhost"}))
