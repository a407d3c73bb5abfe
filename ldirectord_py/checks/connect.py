"""``checktype = connect``: a TCP connection is accepted."""

from __future__ import annotations

import asyncio

from ldirectord_py.checks.base import Kind, Target
from ldirectord_py.checks.phase import NOT_CONNECTED, reached


async def check(target: Target) -> str:
    """Return ``connected``; the connection is closed at once."""
    reached(NOT_CONNECTED)
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_connection(asyncio.Protocol, str(target.address), target.port)
    transport.close()
    return "connected"


KIND = Kind("connect", check)
