"""``service = simpletcp``: send ``request``; a line of the answer matches ``receive``."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing, suppress

from ldirectord_py.checks.base import Kind, Target
from ldirectord_py.checks.effort import Effort
from ldirectord_py.checks.pattern import compiled
from ldirectord_py.checks.progress import NOT_CONNECTED, set_progress
from ldirectord_py.checks.reasons import excerpt
from ldirectord_py.checks.search import search
from ldirectord_py.checks.transport import datagram
from ldirectord_py.checks.transport.connection import Connection, connect
from ldirectord_py.checks.transport.datagram import Datagrams
from ldirectord_py.checks.transport.line_buffer import LineBuffer
from ldirectord_py.errors import CheckFailed
from ldirectord_py.ipvs.table import Protocol
from ldirectord_py.runtime.text import as_bytes

MAX_LINE = 65536
"""Bytes of a line."""

MAX_ANSWER = 16 * 1024 * 1024
"""Bytes of an answer."""

READ_SIZE = 4096
"""Bytes of one read."""

LINE_STEPS = 2
"""Steps for the search of one line: about its CPU time in microseconds."""

_ESCAPE = re.compile(rb"\\(n|r|t|x[0-9A-Fa-f]{2})")
_CONTROL: Mapping[bytes, bytes] = {b"n": b"\n", b"r": b"\r", b"t": b"\t"}


async def check(target: Target) -> str:
    """Return the line that matches."""
    request = unescape(target.request.removeprefix("/"))
    if target.protocol is Protocol.UDP:
        async with datagram.connect(target) as socket:
            socket.send(request)
            return await _find_line(target.receive, _datagrams(socket))
    set_progress(NOT_CONNECTED)
    connection = await connect(str(target.address), target.port)
    try:
        await _send(connection, request)
        return await _find_line(target.receive, _lines(connection))
    finally:
        connection.close()


async def _find_line(receive: str, lines: AsyncGenerator[bytes, None]) -> str:
    """Return the first line that matches; raises CheckFailed if there is none, or if the answer is too long."""
    pattern = compiled(receive)
    size, last, effort = 0, b"", Effort()
    async with aclosing(lines):
        async for line in lines:
            effort.piece(len(line), LINE_STEPS)
            if await search(pattern, line) is not None:
                return excerpt(line.rstrip())
            size, last = size + len(line), line
            if size > MAX_ANSWER:
                raise CheckFailed(f"answer longer than {MAX_ANSWER // 1024 // 1024} MB")
    got = f"receive /{receive}/ not in {size} bytes, last {excerpt(last)}" if size else "no answer"
    raise CheckFailed(f"closed by server ({got})")


def unescape(request: str) -> bytes:
    r"""Return the bytes to send: ``\n``, ``\r``, ``\t`` and ``\xHH`` are replaced."""
    return _ESCAPE.sub(
        lambda match: _CONTROL.get(match[1]) or bytes((int(match[1][1:], 16),)),
        as_bytes(request),
    )


async def _send(connection: Connection, request: bytes) -> None:
    """Send the request and close our side; a server that has closed already may have answered before."""
    set_progress("connected, no answer")
    with suppress(ConnectionError):
        await connection.send(request)
    connection.finish()


async def _lines(connection: Connection) -> AsyncGenerator[bytes, None]:
    """Yield the lines up to the end of the connection; a reset is an end if an answer came before it."""
    received, lines, answered = bytearray(READ_SIZE), LineBuffer(MAX_LINE), False
    while size := await _read(connection, received, or_reset=answered):
        answered = True
        lines.feed(memoryview(received)[:size])
        while (line := lines.next_line()) is not None:
            yield line
        set_progress("connected, receive pattern not seen")
    if rest := lines.rest():
        yield rest


async def _read(connection: Connection, portion: bytearray, *, or_reset: bool) -> int:
    """Return the number of bytes read, 0 at the end; with ``or_reset`` a reset is an end."""
    try:
        return await connection.receive_into(portion)
    except ConnectionResetError:
        if or_reset:
            return 0
        raise


async def _datagrams(socket: Datagrams) -> AsyncGenerator[bytes, None]:
    """Yield the lines of the received datagrams."""
    while True:
        for line in (await socket.receive()).splitlines(keepends=True):
            yield line
        set_progress("receive pattern not seen")


KIND = Kind("simpletcp", check, uses=frozenset({"protocol", "request", "receive"}))
