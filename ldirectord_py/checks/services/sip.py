"""``service = sip``: the answer to OPTIONS is 200."""

from __future__ import annotations

import secrets

from ldirectord_py.address import Address
from ldirectord_py.checks.base import Kind, Target
from ldirectord_py.checks.progress import set_progress
from ldirectord_py.checks.protocols.sip_message import OptionsRequest, is_start_line
from ldirectord_py.checks.reasons import excerpt
from ldirectord_py.checks.transport import datagram, stream
from ldirectord_py.checks.transport.datagram import UnrelatedAnswer
from ldirectord_py.errors import BadStatus, CheckFailed
from ldirectord_py.ipvs.table import Protocol

MAX_RECEIVED = 32768
"""Bytes over TCP until the end of the answer."""

MIN_LINE = 32
"""Bytes that a shorter line counts as."""


async def check(target: Target) -> str:
    """Return the status."""
    status = await (_over_udp if target.protocol is Protocol.UDP else _over_tcp)(target)
    if not status.startswith("200"):
        raise BadStatus(f"status {status}")
    return status


def _options(target: Target, local: tuple[Address, int]) -> OptionsRequest:
    protocol = Protocol.UDP if target.protocol is Protocol.UDP else Protocol.TCP
    return OptionsRequest(target.login, protocol, local, secrets.token_hex(8))


async def _over_udp(target: Target) -> str:
    async with datagram.connect(target) as socket:
        options = _options(target, socket.local)
        return await socket.exchange(options.encoded, options.decode)


async def _over_tcp(target: Target) -> str:
    async with stream.connect(target) as connection:
        options = _options(target, connection.local)
        await connection.write(options.encoded, "OPTIONS")
        return await _answer(connection, options)


async def _answer(connection: stream.Stream, options: OptionsRequest) -> str:
    """Return the status. Other messages are ignored; lines that are not SIP only after one: they are its body."""
    head, size, others = bytearray(), 0, False
    while size <= MAX_RECEIVED:
        line = await connection.raw_line()
        size += max(len(line), MIN_LINE)
        if head or is_start_line(line):
            head += line
        elif line.strip() and not others:
            raise CheckFailed(f"not a SIP message: {excerpt(line)}")
        if head and not line.strip():
            try:
                return options.decode(bytes(head))
            except UnrelatedAnswer as unrelated:
                set_progress(f"connected, {unrelated}")
                head.clear()
                others = True
    raise CheckFailed(f"no answer to OPTIONS in {MAX_RECEIVED // 1024} kB")


KIND = Kind("sip", check, port=5060, login="ldirectord@{hostname}", uses=frozenset({"protocol", "login"}))
