"""``service = dns``: an answer to ``request`` with a record that matches ``receive``."""

from __future__ import annotations

import asyncio

from ldirectord_py.checks.base import Kind, Target
from ldirectord_py.checks.pattern import compiled
from ldirectord_py.checks.progress import NOT_CONNECTED, set_progress
from ldirectord_py.checks.protocols.dns_message import DnsResponse, Query, parse_query
from ldirectord_py.checks.reasons import excerpt
from ldirectord_py.checks.search import search
from ldirectord_py.checks.transport import datagram
from ldirectord_py.checks.transport.connection import open_connection
from ldirectord_py.errors import BadStatus, CheckFailed
from ldirectord_py.ipvs.table import Protocol
from ldirectord_py.runtime.text import printable

READ_AHEAD = 16384
"""Bytes that the event loop reads ahead."""


async def check(target: Target) -> str:
    """Return the first record that matches, or the code if there are none and any answer passes."""
    request = target.request.removeprefix("/")
    query = parse_query(request)
    reply = await (_over_tcp if target.protocol is Protocol.TCP else _over_udp)(target, query)
    if reply.code != "NOERROR":
        raise BadStatus(f"{reply.code} for {query}")
    if not reply.records:
        if request:
            raise CheckFailed(f"no record in the answer for {query}")
        return reply.code
    pattern = compiled(target.receive)
    for record in reply.records:
        if await search(pattern, record) is not None:
            return printable(record)
    got = excerpt(b", ".join(reply.records))
    raise CheckFailed(f"receive pattern not in the records for {query}: {got}")


async def _over_udp(target: Target, query: Query) -> DnsResponse:
    async with datagram.connect(target) as socket:
        reply = await socket.exchange(query.encoded, query.decode)
    return await _over_tcp(target, query) if reply.truncated else reply


async def _over_tcp(target: Target, query: Query) -> DnsResponse:
    wire = query.encoded
    set_progress(NOT_CONNECTED)
    reader, writer = await open_connection(str(target.address), target.port, limit=READ_AHEAD)
    set_progress("connected, no answer")
    try:
        writer.write(len(wire).to_bytes(2, "big") + wire)
        size = int.from_bytes(await reader.readexactly(2), "big")
        reply = query.decode(await reader.readexactly(size))
    except asyncio.IncompleteReadError as error:
        raise CheckFailed(f"closed by server after {len(error.partial)} bytes of {error.expected}") from None
    finally:
        writer.transport.abort()
    if reply.truncated:
        raise CheckFailed("answer truncated over TCP")
    return reply


KIND = Kind("dns", check, port=53, uses=frozenset({"protocol", "request", "receive"}), protocol=Protocol.UDP)
