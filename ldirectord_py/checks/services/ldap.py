"""``service = ldap``: a bind, and a search for the entry ``request`` whose name or attributes match ``receive``."""

from __future__ import annotations

import math

from ldirectord_py.checks.base import Kind, Target
from ldirectord_py.checks.pattern import Pattern, compiled
from ldirectord_py.checks.protocols import ldap_messages as ldap
from ldirectord_py.checks.protocols.ber import Malformed
from ldirectord_py.checks.protocols.ldap_session import LdapSession
from ldirectord_py.checks.reasons import excerpt
from ldirectord_py.checks.search import search
from ldirectord_py.checks.transport.stream import Stream, connect
from ldirectord_py.errors import CheckFailed

LDAP_FIELDS = frozenset({"login", "passwd", "request", "receive"})
"""The fields that the check uses, with or without TLS."""


async def check(target: Target) -> str:
    """Return the name of the entry found."""
    async with connect(target) as stream:
        return await talk(stream, target)


async def talk(stream: Stream, target: Target) -> str:
    """Return the name of the entry found, as ``check`` does."""
    session = LdapSession(stream, math.ceil(target.timeout))
    try:
        await session.bind(target.login, target.passwd)
        name = await _find(session, target)
    except Malformed as error:
        raise CheckFailed(f"malformed LDAP answer, {error}: {excerpt(session.received)}") from None
    session.unbind()
    return name


async def _find(session: LdapSession, target: Target) -> str:
    """Return the name of the entry; raises CheckFailed if ``receive`` matches neither it nor the attributes."""
    base = target.request.removeprefix("/")
    pattern = compiled(target.receive) if target.receive else None
    name, _ = await session.find_entry(base, ldap.NO_ATTRIBUTES)
    if pattern and await search(pattern, name) is None:
        await _match(session, base, pattern)
    return f"found {excerpt(name)}"


async def _match(session: LdapSession, base: str, pattern: Pattern) -> None:
    """Raise CheckFailed unless the pattern matches the attributes."""
    name, attributes = await session.find_entry(base, ldap.ALL_ATTRIBUTES)
    written = ldap.attribute_lines(attributes)
    if await search(pattern, written) is None:  # no excerpt: passwords may be among the attributes
        raise CheckFailed(f"receive pattern not in {excerpt(name)} nor in {len(written)} bytes of attributes")


KIND = Kind("ldap", check, port=389, uses=LDAP_FIELDS)
