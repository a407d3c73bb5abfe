"""``checktype = connect``: a TCP connection is accepted."""

from __future__ import annotations

from ldirectord_py.checks.base import Kind, Target
from ldirectord_py.checks.progress import NOT_CONNECTED, set_progress
from ldirectord_py.checks.transport.connection import connect


async def check(target: Target) -> str:
    """Return ``connected``; the connection is closed at once."""
    set_progress(NOT_CONNECTED)
    connection = await connect(str(target.address), target.port)
    connection.close()
    return "connected"


KIND = Kind("connect", check)
