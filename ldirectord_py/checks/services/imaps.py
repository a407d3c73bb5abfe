"""``service = imaps``: as imap, over TLS."""

from __future__ import annotations

from ldirectord_py.checks.base import TLS, Kind, Target
from ldirectord_py.checks.services.imap import talk
from ldirectord_py.checks.transport.stream import connect


async def check(target: Target) -> str:
    """Return the greeting."""
    async with connect(target, tls=True) as stream:
        return await talk(stream, target)


KIND = Kind("imaps", check, port=993, uses=frozenset({"login", "passwd"}) | TLS)
