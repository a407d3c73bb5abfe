"""``service = ftp``: log in, and fetch the file ``request`` to match ``receive``."""

from __future__ import annotations

import re

from ldirectord_py.checks.base import Kind, Target
from ldirectord_py.checks.pattern import Pattern, compiled
from ldirectord_py.checks.progress import NO_DATA_CONNECTION, set_progress
from ldirectord_py.checks.protocols.replies import ftp_reply
from ldirectord_py.checks.reasons import excerpt
from ldirectord_py.checks.search import search
from ldirectord_py.checks.transport.connection import Connection
from ldirectord_py.checks.transport.connection import connect as open_data
from ldirectord_py.checks.transport.stream import Stream, connect
from ldirectord_py.errors import BadStatus, CheckFailed

MAX_FILE = 16 * 1024 * 1024
"""Bytes of the file."""

SEARCH_SIZE = 65536
"""Bytes of the file in one search."""

OVERLAP = 16384
"""Bytes that are searched again with the next ones, to find a match across the boundary."""

_EXTENDED = re.compile(r"\((?P<delimiter>[!-~])(?P=delimiter){2}(?P<port>\d{1,5})(?P=delimiter)\)", re.ASCII)
_PASSIVE = re.compile(r"(?:\d{1,3},){4}(\d{1,3}),(\d{1,3})", re.ASCII)


async def check(target: Target) -> str:
    """Return ``logged in``, or the size of the file if ``request`` names one."""
    async with connect(target) as stream:
        await ftp_reply(stream, "2")
        if (await _command(stream, f"USER {target.login}", "2", "3")).startswith("3"):
            await _command(stream, f"PASS {target.passwd}", "2")
        word = "logged in"
        if target.receive or target.request.strip("/"):
            word = await _fetch(stream, target)
        stream.send_goodbye(b"QUIT\r\n")
        return word


async def _command(stream: Stream, line: str, *starts: str) -> str:
    """Return the reply to a command; raises BadStatus if the server refuses it."""
    await stream.send(line)
    answer = await ftp_reply(stream, *starts, "4", "5")
    if not answer.startswith(starts):
        raise BadStatus(f"{line.partition(' ')[0]} refused: {answer}")
    return answer


async def _fetch(stream: Stream, target: Target) -> str:
    """Fetch the file and return its size in words; raises CheckFailed if ``receive`` does not match."""
    await _command(stream, "TYPE I", "2")
    port = await _data_port(stream)
    set_progress(NO_DATA_CONNECTION)
    data = await open_data(str(target.address), port)
    try:
        await _command(stream, f"RETR {target.request}", "1")
        set_progress("connected, file not complete")
        size, found, last = await _search(data, compiled(target.receive))
    finally:
        data.close()
    set_progress("connected, no word that the file is complete")
    await ftp_reply(stream, "2")
    if not found:
        raise CheckFailed(f"receive pattern not in {size} bytes of file: {excerpt(last)}")
    return f"fetched {size} bytes"


async def _search(source: Connection, pattern: Pattern) -> tuple[int, bool, bytearray]:
    """Return the size of the file, whether the pattern matches, and the last bytes."""
    size, found, first, window, portion = 0, False, 0, bytearray(), bytearray(OVERLAP)
    while True:
        data = memoryview(portion)[: await _read(source, portion)]
        size += len(data)
        window += data
        if size > MAX_FILE:
            raise CheckFailed(f"file longer than {MAX_FILE // 1024 // 1024} MB")
        if not found and (not data or len(window) >= SEARCH_SIZE):
            span = await search(pattern, window, first)
            found = span is not None and (not data or span[1] < len(window))  # or the file may go on
        if not data:
            return size, found, window
        if len(window) >= SEARCH_SIZE:
            del window[:-OVERLAP]
            first = 1


async def _read(source: Connection, portion: bytearray) -> int:
    """Return the number of bytes read, 0 at the end or a reset: the reply after it says if the file is complete."""
    try:
        return await source.receive_into(portion)
    except ConnectionResetError:
        return 0


async def _data_port(stream: Stream) -> int:
    """Return the data port; the address in the reply is ignored, as the check is of this real server."""
    if stream.server.version == 6:
        answer = await _command(stream, "EPSV", "229")
        found = _EXTENDED.search(answer)
        port = int(found["port"]) if found else 0
    else:
        answer = await _command(stream, "PASV", "227")
        found = _PASSIVE.search(answer)
        port = int(found[1]) * 256 + int(found[2]) if found else 0
    if not 0 < port < 65536:
        raise CheckFailed(f"no usable port for data: {answer}")
    return port


KIND = Kind(
    "ftp",
    check,
    port=21,
    login="anonymous",
    passwd="ldirectord@{hostname}",  # noqa: S106  the convention for anonymous users
    uses=frozenset({"login", "passwd", "request", "receive"}),
)
