"""What the line protocols share: a connection that sends and expects lines, of bounded length."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from ldirectord_py.address import Address
from ldirectord_py.checks.base import Target
from ldirectord_py.checks.progress import NO_TLS, NOT_CONNECTED, set_progress
from ldirectord_py.checks.reasons import excerpt
from ldirectord_py.checks.transport.connection import open_connection
from ldirectord_py.checks.transport.receive_buffer import limit_receive_buffer
from ldirectord_py.checks.transport.tls import TlsParameters, tls_parameters
from ldirectord_py.errors import CheckFailed
from ldirectord_py.runtime.text import as_bytes, printable

LIMIT = 16384
"""Bytes that a line may have."""

LINES = 200
"""Lines that one reply may have."""


class Stream:
    """A connection to a server that talks in lines; what it waits for goes into the reason of a timeout."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, server: Address) -> None:
        limit_receive_buffer(writer.transport)
        self._reader = reader
        self._writer = writer
        self._data = bytearray()
        self.server = server

    async def send(self, line: str, name: str = "") -> None:
        """Send a line; ``name`` is what a reason calls it, if not by its first word."""
        await self.write(as_bytes(line) + b"\r\n", name or line.partition(" ")[0])

    async def write(self, data: bytes, name: str) -> None:
        """Send bytes; ``name`` is what a reason calls them."""
        set_progress(f"connected, no answer to {name}")
        self._writer.write(data)
        with suppress(ConnectionError):  # what the server said before it went is read first, and then tells
            await self._writer.drain()

    def leave(self, data: bytes) -> None:
        """Send a goodbye, whatever becomes of it."""
        self._writer.write(data)

    async def read(self) -> bytes:
        """Return what came, at most LIMIT bytes; raises CheckFailed at the end of the connection."""
        data = bytes(self._data) or await self._reader.read(LIMIT)
        self._data.clear()
        if not data:
            raise CheckFailed("closed by server")
        return data

    async def line(self) -> str:
        """Return the next line, printable and without its end; raises CheckFailed if there is none."""
        looked = 0
        while (end := self._data.find(b"\n", looked, LIMIT)) < 0:
            if (looked := len(self._data)) >= LIMIT:
                raise CheckFailed(f"a line longer than {LIMIT // 1024} kB")
            if not (data := await self._reader.read(LIMIT)):
                got = f" after {excerpt(self._data)}" if self._data else ""
                raise CheckFailed(f"closed by server{got}")
            self._data += data
        line = bytes(self._data[:end])
        del self._data[: end + 1]
        return printable(line.rstrip(b"\r"))

    async def expect(self, *starts: str) -> str:
        """Return the next line; raises CheckFailed unless it starts with one of ``starts``, in small or capitals."""
        line = await self.line()
        if not line.upper().startswith(tuple(start.upper() for start in starts)):
            raise CheckFailed(f"expected {' or '.join(starts)}, got {excerpt(line.encode())}")
        return line

    async def secure(self, asked: TlsParameters) -> None:
        """Go on over TLS; raises CheckFailed if something is left that anybody may have said before it."""
        if self._data:
            raise CheckFailed(f"more than an answer before TLS: {excerpt(self._data)}")
        set_progress("connected, TLS handshake not done")
        await self._writer.start_tls(asked.context, server_hostname=asked.name)

    def close(self) -> None:
        """Close the connection without a wait."""
        if self._writer.get_extra_info("sslcontext"):
            self._writer.transport.abort()  # a close would wait half a minute for the server's goodbye
        else:
            self._writer.close()


@asynccontextmanager
async def connect(target: Target, *, tls: bool = False) -> AsyncIterator[Stream]:
    """Yield a connection to the target, on its terms of TLS if so; it is closed without a wait."""
    stream = await (_over_tls(target, tls_parameters(target)) if tls else _plain(target))
    set_progress("connected, no greeting")
    try:
        yield stream
    finally:
        stream.close()


async def _plain(target: Target) -> Stream:
    set_progress(NOT_CONNECTED)
    reader, writer = await open_connection(str(target.address), target.port, limit=LIMIT)
    return Stream(reader, writer, target.address)


async def _over_tls(target: Target, asked: TlsParameters) -> Stream:
    set_progress(NO_TLS)
    reader, writer = await open_connection(str(target.address), target.port, limit=LIMIT, tls=asked)
    return Stream(reader, writer, target.address)
