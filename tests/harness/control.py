"""A control server with given requests, and clients that speak to it over its real socket."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from ldirectord_py.control.connection import Handler, RequestRoute
from ldirectord_py.control.protocol import Answer, ControlRequest
from ldirectord_py.control.rights import Right
from ldirectord_py.control.server import ControlServer
from ldirectord_py.runtime.streams import Reader

STAMP: dict[str, object] = {"as_of": "2026-11-28T08:09:38.123Z", "generation": 1, "config_hash": "abc"}


async def echo(request: ControlRequest) -> Answer:
    """Answer with the arguments and the user of a request."""
    return {"arguments": dict(request.arguments), "uid": request.peer.uid}


def route(handle: Handler, right: Right = Right.LOOK, *arguments: str) -> RequestRoute:
    """Return the route of a request."""
    return RequestRoute(right, frozenset(arguments), handle)


class ControlledServer:
    """A server at ``path``."""

    def __init__(self, path: Path, routes: Mapping[str, RequestRoute]) -> None:
        self.path = path
        self.connected: list[RawClient] = []
        self.server = ControlServer({"echo": route(echo, Right.LOOK, "text", "number"), **routes}, lambda: dict(STAMP))

    @property
    def clients(self) -> int:
        """The number of clients that the server has."""
        return len(self.server._clients)

    async def connect(self) -> RawClient:
        """Return a connection."""
        loop = asyncio.get_running_loop()
        reader = Reader(limit=1 << 26, loop=loop)  # returns what came before a reset
        protocol = asyncio.StreamReaderProtocol(reader, loop=loop)
        transport, _ = await loop.create_unix_connection(lambda: protocol, str(self.path))
        client = RawClient(reader, asyncio.StreamWriter(transport, protocol, reader, loop))
        self.connected.append(client)
        return client


class RawClient:
    """A connection on which anything may be sent."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def send(self, *requests: Any) -> None:
        """Send requests: bytes as they are, others as JSON."""
        for request in requests:
            data = request if isinstance(request, bytes) else json.dumps(request).encode() + b"\n"
            self.writer.write(data)

    async def answer(self, seconds: float = 10) -> Any:
        """Return the next answer; raises EOFError at the end of the connection."""
        async with asyncio.timeout(seconds):
            line = await self.reader.readline()
        if not line.endswith(b"\n"):
            raise EOFError
        return json.loads(line)

    async def ask(self, *requests: Any) -> Any:
        """Send requests, and return the first answer."""
        self.send(*requests)
        return await self.answer()

    async def ended(self, seconds: float = 10) -> bool:
        """Wait for the end of the connection; return whether nothing came before."""
        async with asyncio.timeout(seconds):
            try:
                return await self.reader.read() == b""
            except ConnectionResetError:
                return True

    def close(self) -> None:
        """Close the connection."""
        self.writer.transport.abort()


@asynccontextmanager
async def control_server(folder: Path, **routes: RequestRoute) -> AsyncIterator[ControlledServer]:
    """Yield a server with the request ``echo`` and others, closed at the end."""
    controlled = ControlledServer(folder / "ldirectord.web.sock", routes)
    controlled.server.listen(controlled.path)
    try:
        yield controlled
    finally:
        await controlled.server.close()
        for client in controlled.connected:
            client.close()
        await asyncio.sleep(0)
