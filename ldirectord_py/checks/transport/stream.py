"""A TCP or TLS connection for protocols of text lines; the length of a line is limited."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from ipaddress import ip_address

from ldirectord_py.address import Address
from ldirectord_py.checks.base import Target
from ldirectord_py.checks.progress import NOT_CONNECTED, set_progress
from ldirectord_py.checks.reasons import excerpt
from ldirectord_py.checks.transport.connection import open_connection, start_tls
from ldirectord_py.checks.transport.line_buffer import LineBuffer
from ldirectord_py.checks.transport.receive_buffer import limit_receive_buffer
from ldirectord_py.checks.transport.tls import TlsParameters, tls_parameters
from ldirectord_py.errors import BadStatus, CheckFailed
from ldirectord_py.runtime.text import as_bytes, printable

MAX_LINE = 16384
"""Bytes of a line."""

MAX_LINES = 200
"""Lines of one reply."""


class Stream:
    """A connection that sends and receives lines, and sets the progress for the reason of a timeout."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, server: Address) -> None:
        limit_receive_buffer(writer.transport)
        self._reader = reader
        self._writer = writer
        self._lines = LineBuffer(MAX_LINE)
        self.server = server

    @property
    def local(self) -> tuple[Address, int]:
        """The local address and port."""
        host, port = self._writer.get_extra_info("sockname")[:2]
        return ip_address(host.partition("%")[0]), port

    async def send(self, line: str, name: str = "") -> None:
        """Send a line; reasons name it by ``name``, by default its first word."""
        await self.write(as_bytes(line) + b"\r\n", name or line.partition(" ")[0])

    async def write(self, data: bytes, name: str) -> None:
        """Send bytes; reasons name them by ``name``."""
        set_progress(f"connected, no answer to {name}")
        self._writer.write(data)
        with suppress(ConnectionError):  # what the server sent before it closed is read first
            await self._writer.drain()

    def send_goodbye(self, data: bytes) -> None:
        """Send the last message, without waiting for it to leave."""
        self._writer.write(data)

    async def read(self) -> bytes:
        """Return received bytes, at most MAX_LINE; raises CheckFailed at the end of the connection."""
        if not (data := self._lines.rest() or await self._reader.read(MAX_LINE)):
            raise CheckFailed("closed by server")
        return data

    async def raw_line(self) -> bytes:
        """Return the next line with its end; raises CheckFailed if there is none or if it is longer than MAX_LINE."""
        while (line := self._lines.next_line()) is None:
            if not (data := await self._reader.read(MAX_LINE)):
                rest = self._lines.rest()
                raise CheckFailed(f"closed by server after {excerpt(rest)}" if rest else "closed by server")
            self._lines.feed(data)
        return line

    async def line(self) -> str:
        """Return the next line, made printable, without its end; raises CheckFailed as ``raw_line``."""
        line = await self.raw_line()
        return printable(line.removesuffix(b"\n").rstrip(b"\r"))

    async def expect(self, *starts: str, refusals: tuple[str, ...] = ()) -> str:
        """Return the next line, which has to start with one of ``starts``; case does not matter.

        Raises BadStatus for a line that starts with one of ``refusals``, CheckFailed for another one.
        """
        line = await self.line()
        if line.upper().startswith(tuple(start.upper() for start in starts)):
            return line
        refused = line.upper().startswith(refusals)
        raise (BadStatus if refused else CheckFailed)(f"expected {' or '.join(starts)}, got {excerpt(line.encode())}")

    async def start_tls(self, parameters: TlsParameters) -> None:
        """Start TLS; raises CheckFailed if unencrypted bytes are left, which an attacker may have inserted."""
        if rest := self._lines.rest():
            raise CheckFailed(f"more than an answer before TLS: {excerpt(rest)}")
        await start_tls(self._writer, parameters)

    leave = send_goodbye  # older plug-ins use these two names
    secure = start_tls

    def close(self) -> None:
        """Close the connection without waiting for the server."""
        if self._writer.get_extra_info("sslcontext"):
            self._writer.transport.abort()  # close() would wait 30 s for the server to end TLS
        else:
            self._writer.close()


@asynccontextmanager
async def connect(target: Target, *, tls: bool = False) -> AsyncIterator[Stream]:
    """Yield a connection to the target, with ``tls`` as its TLS directives ask; it is closed without waiting."""
    stream = await _open(target, tls_parameters(target) if tls else None)
    set_progress("connected, no greeting")
    try:
        yield stream
    finally:
        stream.close()


async def _open(target: Target, parameters: TlsParameters | None) -> Stream:
    set_progress(NOT_CONNECTED)
    reader, writer = await open_connection(str(target.address), target.port, limit=MAX_LINE, tls=parameters)
    return Stream(reader, writer, target.address)
