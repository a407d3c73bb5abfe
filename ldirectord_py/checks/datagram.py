"""What the checks over UDP share: a socket that hears its server alone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

from ldirectord_py.checks.base import Target
from ldirectord_py.checks.phase import reached

QUEUE = 16
"""Datagrams that wait at most; more are dropped."""


class Datagrams(asyncio.DatagramProtocol):
    """A connected UDP socket: the kernel drops what others send."""

    def __init__(self) -> None:
        self._transport: asyncio.DatagramTransport | None = None
        self._received: asyncio.Queue[bytes | OSError] = asyncio.Queue(QUEUE)

    def send(self, data: bytes) -> None:
        """Send one datagram."""
        if self._transport is not None:
            self._transport.sendto(data)

    async def receive(self) -> bytes:
        """Return the next datagram; raises OSError when the server's host refuses ours."""
        received = await self._received.get()
        if isinstance(received, OSError):
            raise received
        return received

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: object) -> None:
        """Queue what came."""
        self._put(data)

    def error_received(self, exc: Exception) -> None:
        """Queue what the kernel learned, such as an ICMP refusal."""
        if isinstance(exc, OSError):
            self._put(exc)

    def _put(self, item: bytes | OSError) -> None:
        if not self._received.full():
            self._received.put_nowait(item)


@asynccontextmanager
async def connect(target: Target) -> AsyncIterator[Datagrams]:
    """Yield a socket connected to the target; it is closed without a wait."""
    loop = asyncio.get_running_loop()
    transport, protocol = await loop.create_datagram_endpoint(Datagrams, remote_addr=(str(target.address), target.port))
    reached("no datagram came back")
    try:
        yield protocol
    finally:
        transport.abort()
