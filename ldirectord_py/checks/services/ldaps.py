"""``service = ldaps``: as ldap, over TLS."""

from __future__ import annotations

from ldirectord_py.checks.base import TLS, Kind, Target
from ldirectord_py.checks.services import ldap
from ldirectord_py.checks.transport.stream import connect


async def check(target: Target) -> str:
    """Return the name of the entry found."""
    async with connect(target, tls=True) as stream:
        return await ldap.talk(stream, target)


KIND = Kind("ldaps", check, port=636, uses=ldap.LDAP_FIELDS | TLS)
