"""Servers on loopback that follow a script of the test."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Servers:
    """Servers on free ports, stopped together; ``connections`` counts the accepted connections."""

    def __init__(self) -> None:
        self.connections = 0
        self._servers: list[asyncio.Server] = []
        self._talks: set[asyncio.Task[None]] = set()

    async def start(self, talk: Talk, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None) -> int:
        """Start a server and return its port."""

        async def accepted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self.connections += 1
            self._talks.add(task := asyncio.create_task(_talking(talk, reader, writer)))
            task.add_done_callback(self._talks.discard)

        server = await asyncio.start_server(accepted, host, 0, ssl=tls)
        self._servers.append(server)
        port: int = server.sockets[0].getsockname()[1]
        return port

    async def stop(self) -> None:
        """Close the servers and their connections."""
        await _run_pending()  # accepts pending clients, whose sockets would stay open otherwise
        for server in self._servers:
            server.close()
        await _run_pending()  # begins the talks with the last of them
        while talks := list(self._talks):
            for talk in talks:
                talk.cancel()
            await asyncio.gather(*talks, return_exceptions=True)
            await _run_pending()  # lets transports close


async def _run_pending() -> None:
    """Run the pending callbacks of the loop, and those that follow from them."""
    for _ in range(5):
        await asyncio.sleep(0)


@contextlib.asynccontextmanager
async def servers() -> AsyncIterator[Servers]:
    """Yield an object that starts servers, and stop them afterwards."""
    started = Servers()
    try:
        yield started
    finally:
        await started.stop()


def saying(*pieces: bytes) -> Talk:
    """Return a talk that sends the pieces and closes."""

    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()

    return talk


def answering(*pieces: bytes) -> Talk:
    """Return a talk that reads an HTTP request, answers with the pieces and closes."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        for piece in pieces:
            writer.write(piece)
            await writer.drain()

    return talk


def hanging(*pieces: bytes) -> Talk:
    """Return a talk that sends the pieces, and then neither sends nor closes."""

    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for piece in pieces:
            writer.write(piece)
        await asyncio.Event().wait()

    return talk


def dialogue(*pieces: bytes) -> Talk:
    """Return a talk that sends the first piece, and answers each line with the next one."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            if not await reader.readline():
                return

    return talk


def exchange(*answers: bytes, hang: bool = False) -> Talk:
    """Return a talk that sends the first answer, and each further one after a piece from the client."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for answer in answers:
            writer.write(answer)
            await writer.drain()
            if not await reader.read(65536):
                return
        if hang:
            await asyncio.Event().wait()

    return talk


def replying(greeting: bytes, replies: Mapping[str, bytes], other: bytes) -> Talk:
    """Return a talk that sends the greeting, and answers each line by its first word, or with ``other``."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(greeting)
        while line := await reader.readline():
            writer.write(replies.get(line.decode().strip().partition(" ")[0], other))
            await writer.drain()

    return talk


def reset(writer: asyncio.StreamWriter) -> None:
    """Close the connection with a reset."""
    connection = writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def closed_port(host: str = "127.0.0.1") -> int:
    """Return a port that nobody listens on."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as opened:
        opened.bind((host, 0))
        port: int = opened.getsockname()[1]
        return port


async def _talking(talk: Talk, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await talk(reader, writer)
    except asyncio.CancelledError:
        writer.transport.abort()
    else:
        writer.close()
