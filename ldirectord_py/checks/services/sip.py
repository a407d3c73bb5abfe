"""``service = sip``: OPTIONS is answered with 200."""

from __future__ import annotations

import asyncio
import secrets
from ipaddress import ip_address

from ldirectord_py.address import Address
from ldirectord_py.checks.base import Kind, Target
from ldirectord_py.checks.progress import NOT_CONNECTED, set_progress
from ldirectord_py.checks.protocols.sip_message import OptionsRequest, is_start_line
from ldirectord_py.checks.reasons import excerpt
from ldirectord_py.checks.transport import datagram
from ldirectord_py.checks.transport.connection import open_connection
from ldirectord_py.checks.transport.datagram import UnrelatedAnswer
from ldirectord_py.errors import CheckFailed
from ldirectord_py.ipvs.table import Protocol

MAX_RECEIVED = 32768
"""Bytes that may come over TCP until the answer has; a line counts for 32 at least."""

MAX_LINE = 16384
"""Bytes that a line may have."""


async def check(target: Target) -> str:
    """Return the status."""
    status = await (_over_udp if target.protocol is Protocol.UDP else _over_tcp)(target)
    if not status.startswith("200"):
        raise CheckFailed(f"status {status}")
    return status


def _options(target: Target, local: tuple[Address, int]) -> OptionsRequest:
    protocol = Protocol.UDP if target.protocol is Protocol.UDP else Protocol.TCP
    return OptionsRequest(target.login, protocol, local, secrets.token_hex(8))


async def _over_udp(target: Target) -> str:
    async with datagram.connect(target) as socket:
        options = _options(target, socket.local)
        return await socket.exchange(options.encoded, options.decode)


async def _over_tcp(target: Target) -> str:
    set_progress(NOT_CONNECTED)
    reader, writer = await open_connection(str(target.address), target.port, limit=MAX_LINE)
    set_progress("connected, no answer to OPTIONS")
    try:
        host, port = writer.get_extra_info("sockname")[:2]
        options = _options(target, (ip_address(host.partition("%")[0]), port))
        writer.write(options.encoded)
        return await _answer(reader, options)
    finally:
        writer.transport.abort()


async def _answer(reader: asyncio.StreamReader, options: OptionsRequest) -> str:
    """Return the status; other messages are passed over, what is not SIP only behind them: it is their body."""
    head, size, others = bytearray(), 0, False
    while size <= MAX_RECEIVED:
        line = await _line(reader)
        size += max(len(line), 32)
        if head or is_start_line(line):
            head += line
        elif line.strip() and not others:
            raise CheckFailed(f"not a SIP message: {excerpt(line)}")
        if head and not line.strip():
            try:
                return options.decode(bytes(head))
            except UnrelatedAnswer as stray:
                set_progress(f"connected, {stray}")
                head.clear()
                others = True
    raise CheckFailed(f"no answer to OPTIONS in {MAX_RECEIVED // 1024} kB")


async def _line(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.readuntil(b"\n")
    except asyncio.IncompleteReadError as error:
        got = f" after {excerpt(error.partial)}" if error.partial else ""
        raise CheckFailed(f"closed by server{got}") from None
    except asyncio.LimitOverrunError:
        raise CheckFailed(f"a line longer than {MAX_LINE // 1024} kB") from None


KIND = Kind("sip", check, port=5060, login="ldirectord@{hostname}", uses=frozenset({"protocol", "login"}))
