"""``checktype = connect``: a TCP connection is accepted."""

from __future__ import annotations

from ldirectord_py.checks.base import Kind, Target
from ldirectord_py.checks.progress import CONNECTED, NOT_CONNECTED, set_progress
from ldirectord_py.checks.transport.connection import connect


class ConnectCheck:
    """The checker of one target; it keeps the address as text."""

    __slots__ = ("_host",)

    def __init__(self, target: Target) -> None:
        self._host = str(target.address)

    async def __call__(self, target: Target) -> str:
        """Return ``connected``; the connection is closed at once."""
        set_progress(NOT_CONNECTED)
        connection = await connect(self._host, target.port, sends_first=True)
        connection.close()
        set_progress(CONNECTED)
        return "connected"


async def check(target: Target) -> str:
    """Return ``connected``; raises as ConnectCheck."""
    return await ConnectCheck(target)(target)


KIND = Kind("connect", check, prepare=ConnectCheck)
