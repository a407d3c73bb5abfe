"""``service = radius``: the server accepts the user."""

from __future__ import annotations

import secrets

from ldirectord_py.checks.base import Kind, Target
from ldirectord_py.checks.progress import RESERVATION, set_progress
from ldirectord_py.checks.protocols.radius_packet import AccessRequest
from ldirectord_py.checks.reasons import excerpt
from ldirectord_py.checks.transport import datagram
from ldirectord_py.errors import BadStatus
from ldirectord_py.ipvs.table import Protocol
from ldirectord_py.runtime.text import as_bytes


async def check(target: Target) -> str:
    """Return ``Access-Accept``, with a note if it has no Message-Authenticator."""
    async with datagram.connect(target) as socket:
        nas, _ = socket.local
        words = as_bytes(target.login), as_bytes(target.passwd), as_bytes(target.secret)
        request = AccessRequest(*words, nas, secrets.randbelow(256), secrets.token_bytes(16))
        answer = await socket.exchange(request.encoded, request.decode)
    if answer.code != "Access-Accept":
        raise BadStatus(f"{answer.code}: {excerpt(answer.message)}" if answer.message else answer.code)
    if answer.proved:
        return answer.code
    set_progress(RESERVATION)
    return f"{answer.code} (without Message-Authenticator)"


KIND = Kind(
    "radius",
    check,
    port=1812,
    uses=frozenset({"protocol", "login", "passwd", "secret"}),
    protocol=Protocol.UDP,
)
