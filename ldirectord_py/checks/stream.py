"""What the line protocols share: a connection that sends and expects lines, of bounded length."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from ldirectord_py.checks.base import Target
from ldirectord_py.checks.phase import NOT_CONNECTED, reached
from ldirectord_py.checks.reasons import excerpt, printable
from ldirectord_py.checks.tls import context
from ldirectord_py.errors import CheckFailed
from ldirectord_py.ipvs.table import Address

LIMIT = 16384
"""Bytes that a line may have."""

LINES = 200
"""Lines that one reply may have."""


class Stream:
    """A connection to a server that talks in lines; what it waits for goes into the reason of a timeout."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, server: Address) -> None:
        self._reader = reader
        self._writer = writer
        self.server = server

    async def send(self, line: str, name: str = "") -> None:
        """Send a line; ``name`` is what a reason calls it, if not by its first word."""
        await self.write(line.encode("utf-8", "surrogateescape") + b"\r\n", name or line.partition(" ")[0])

    async def write(self, data: bytes, name: str) -> None:
        """Send bytes; ``name`` is what a reason calls them."""
        reached(f"connected, no answer to {name}")
        self._writer.write(data)
        await self._writer.drain()

    def leave(self, data: bytes) -> None:
        """Send a goodbye, whatever becomes of it."""
        self._writer.write(data)

    async def read(self) -> bytes:
        """Return what came, at most LIMIT bytes; raises CheckFailed at the end of the connection."""
        data = await self._reader.read(LIMIT)
        if not data:
            raise CheckFailed("closed by server")
        return data

    async def line(self) -> str:
        """Return the next line, printable and without its end; raises CheckFailed if there is none."""
        try:
            data = await self._reader.readuntil(b"\n")
        except asyncio.IncompleteReadError as error:
            got = f" after {excerpt(error.partial)}" if error.partial else ""
            raise CheckFailed(f"closed by server{got}") from None
        except asyncio.LimitOverrunError:
            raise CheckFailed(f"a line longer than {LIMIT // 1024} kB") from None
        return printable(data.rstrip(b"\r\n"))

    async def expect(self, *starts: str) -> str:
        """Return the next line; raises CheckFailed unless it starts with one of ``starts``."""
        line = await self.line()
        if not line.startswith(starts):
            raise CheckFailed(f"expected {' or '.join(starts)}, got {excerpt(line.encode())}")
        return line

    async def reply(self, *starts: str) -> str:
        """Return the last line of a reply whose other lines have ``-`` after the code, as SMTP and FTP do."""
        for _ in range(LINES):
            line = await self.expect(*starts)
            if line[3:4] != "-":
                return line
            starts = (line[:3],)
        raise CheckFailed(f"a reply of more than {LINES} lines")

    async def command(self, line: str, *starts: str) -> str:
        """Send a line and return the reply, as ``reply`` does."""
        await self.send(line)
        return await self.reply(*starts)


@asynccontextmanager
async def connect(target: Target, *, tls: bool = False) -> AsyncIterator[Stream]:
    """Yield a connection to the target; it is closed without a wait."""
    reached("no TLS connection" if tls else NOT_CONNECTED)
    secured = context() if tls else None
    reader, writer = await asyncio.open_connection(str(target.address), target.port, limit=LIMIT, ssl=secured)
    reached("connected, no greeting")
    try:
        yield Stream(reader, writer, target.address)
    finally:
        if tls:
            writer.transport.abort()  # a close would wait half a minute for the server's goodbye
        else:
            writer.close()
