"""``service = simpletcp``: send ``request``, and find ``receive`` in a line of the answer."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Mapping

from ldirectord_py.checks import datagram
from ldirectord_py.checks.base import Kind, Target
from ldirectord_py.checks.pattern import compiled
from ldirectord_py.checks.phase import NOT_CONNECTED, reached
from ldirectord_py.checks.reasons import excerpt
from ldirectord_py.checks.search import search
from ldirectord_py.errors import CheckFailed
from ldirectord_py.ipvs.table import Protocol

LINE_LIMIT = 65536
"""Bytes that a line may have."""

LIMIT = 16 * 1024 * 1024
"""Bytes that an answer may have."""

_ESCAPE = re.compile(rb"\\(n|r|t|x[0-9A-Fa-f]{2})")
_CONTROL: Mapping[bytes, bytes] = {b"n": b"\n", b"r": b"\r", b"t": b"\t"}


async def check(target: Target) -> str:
    """Return the line that matched."""
    request = unescaped(target.request.removeprefix("/"))
    lines = _datagrams(target, request) if target.protocol is Protocol.UDP else _stream(target, request)
    pattern = compiled(target.receive)
    size, last = 0, b""
    async for line in lines:
        if await search(pattern, line) is not None:
            return excerpt(line.rstrip())
        size, last = size + len(line), line
        if size > LIMIT:
            raise CheckFailed(f"answer longer than {LIMIT // 1024 // 1024} MB")
    got = f"receive /{target.receive}/ not in {size} bytes, last {excerpt(last)}" if size else "no answer"
    raise CheckFailed(f"closed by server ({got})")


def unescaped(request: str) -> bytes:
    r"""Return the bytes to send: ``\n``, ``\r``, ``\t`` and ``\xHH`` stand for theirs, all else for itself."""
    return _ESCAPE.sub(
        lambda match: _CONTROL.get(match[1]) or bytes((int(match[1][1:], 16),)),
        request.encode("utf-8", "surrogateescape"),
    )


async def _stream(target: Target, request: bytes) -> AsyncIterator[bytes]:
    """Yield the lines of the answer; our side is closed after the request."""
    reached(NOT_CONNECTED)
    reader, writer = await asyncio.open_connection(str(target.address), target.port, limit=LINE_LIMIT)
    reached("connected, no answer")
    try:
        writer.write(request)
        writer.write_eof()
        while line := await _line(reader):
            yield line
            reached("connected, receive pattern not seen")
    finally:
        writer.transport.abort()


async def _line(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.readuntil(b"\n")
    except asyncio.IncompleteReadError as error:
        return error.partial
    except asyncio.LimitOverrunError:
        raise CheckFailed(f"a line longer than {LINE_LIMIT // 1024} kB") from None


async def _datagrams(target: Target, request: bytes) -> AsyncIterator[bytes]:
    """Yield the lines of the datagrams that come back."""
    async with datagram.connect(target) as socket:
        socket.send(request)
        while True:
            for line in (await socket.receive()).splitlines(keepends=True):
                yield line
            reached("receive pattern not seen")


KIND = Kind("simpletcp", check, uses=frozenset({"protocol", "request", "receive"}))
