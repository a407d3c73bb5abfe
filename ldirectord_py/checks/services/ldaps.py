"""``service = ldaps``: as ldap, over TLS; the certificate is not verified."""

from __future__ import annotations

from ldirectord_py.checks.base import Kind, Target
from ldirectord_py.checks.services.ldap import talk
from ldirectord_py.checks.stream import connect


async def check(target: Target) -> str:
    """Return the name of the entry found."""
    async with connect(target, tls=True) as stream:
        return await talk(stream, target)


KIND = Kind("ldaps", check, port=636, uses=frozenset({"login", "passwd", "request", "receive"}))
