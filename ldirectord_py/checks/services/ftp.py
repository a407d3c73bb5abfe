"""``service = ftp``: log in, and fetch the file ``request`` to match ``receive``."""

from __future__ import annotations

import asyncio
import re

from ldirectord_py.checks.base import Kind, Target
from ldirectord_py.checks.pattern import compiled
from ldirectord_py.checks.phase import reached
from ldirectord_py.checks.reasons import excerpt
from ldirectord_py.checks.search import search
from ldirectord_py.checks.stream import Stream, connect
from ldirectord_py.errors import CheckFailed

LIMIT = 98304
"""Bytes of the file that are read and searched."""

_EXTENDED = re.compile(r"\(\|\|\|(\d{1,5})\|\)")
_PASSIVE = re.compile(r"(?:\d{1,3},){4}(\d{1,3}),(\d{1,3})")


async def check(target: Target) -> str:
    """Return ``logged in``, or what was fetched where ``request`` names a file."""
    async with connect(target) as stream:
        await stream.reply("2")
        if (await stream.command(f"USER {target.login}", "2", "3")).startswith("3"):
            await stream.command(f"PASS {target.passwd}", "2")
        word = "logged in"
        if target.receive or target.request.strip("/"):
            word = await _fetched(stream, target)
        await stream.send("QUIT")
        return word


async def _fetched(stream: Stream, target: Target) -> str:
    """Return how much was fetched; raises CheckFailed where ``receive`` finds nothing in it."""
    await stream.command("TYPE I", "2")
    reader, writer = await asyncio.open_connection(str(target.address), await _data_port(stream), limit=LIMIT)
    try:
        await stream.command(f"RETR {target.request}", "1")
        reached("connected, file not complete")
        data = await _read(reader)
    finally:
        writer.transport.abort()
    if target.receive and await search(compiled(target.receive), data) is None:
        raise CheckFailed(f"receive pattern not in {len(data)} bytes of file: {excerpt(data)}")
    return f"fetched {len(data)} bytes"


async def _read(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.readexactly(LIMIT)
    except asyncio.IncompleteReadError as error:
        return error.partial


async def _data_port(stream: Stream) -> int:
    """Return the port for data; the address that the server names is not looked at, ours is the one to check."""
    if stream.server.version == 6:
        answer = _EXTENDED.search(await stream.command("EPSV", "229"))
        port = int(answer[1]) if answer else 0
    else:
        answer = _PASSIVE.search(await stream.command("PASV", "227"))
        port = int(answer[1]) * 256 + int(answer[2]) if answer else 0
    if not 0 < port < 65536:
        raise CheckFailed("no usable port for data in the answer to PASV")
    return port


KIND = Kind(
    "ftp",
    check,
    port=21,
    login="anonymous",
    passwd="ldirectord@{hostname}",  # noqa: S106  what anonymous users send
    uses=frozenset({"login", "passwd", "request", "receive"}),
)
