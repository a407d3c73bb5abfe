"""Servers on loopback that answer datagrams with a function of the test."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterable
from typing import cast

Answers = Callable[[bytes], Iterable[bytes]]


class Server(asyncio.DatagramProtocol):
    """Answers each datagram with the datagrams that ``answers`` returns; ``heard`` has all that arrived."""

    def __init__(self, answers: Answers) -> None:
        self._answers = answers
        self.heard: list[bytes] = []

    @property
    def port(self) -> int:
        """Return the port it listens on."""
        port: int = self._transport.get_extra_info("sockname")[1]
        return port

    def stop(self) -> None:
        """Close the port."""
        self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: object) -> None:
        """Answer it."""
        self.heard.append(data)
        for answer in self._answers(data):
            self._transport.sendto(answer, cast("tuple[str, int]", addr))


@contextlib.asynccontextmanager
async def answering(answers: Answers, host: str = "127.0.0.1") -> AsyncIterator[Server]:
    """Run a server that answers with ``answers``."""
    loop = asyncio.get_running_loop()
    transport, server = await loop.create_datagram_endpoint(lambda: Server(answers), (host, 0))
    try:
        yield server
    finally:
        transport.abort()


def silent(_: bytes) -> Iterable[bytes]:
    """Answer nothing."""
    return ()
