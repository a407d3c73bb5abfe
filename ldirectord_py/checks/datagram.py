"""What the checks over UDP share: a socket that hears its server alone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from ipaddress import ip_address
from typing import TypeVar, cast

from ldirectord_py.checks.base import Target
from ldirectord_py.checks.phase import reached
from ldirectord_py.checks.reasons import excerpt
from ldirectord_py.errors import CheckFailed
from ldirectord_py.ipvs.table import Address

QUEUE = 131072
"""Bytes that wait at most; what comes beyond them is dropped."""

EACH = 256
"""Bytes that a datagram counts beside its own."""

FIRST_WAIT = 0.5
"""Seconds until a request is sent again; each wait is twice the one before."""

LONGEST_WAIT = 4.0
"""Seconds between two requests at most."""

Answer = TypeVar("Answer")


class Stray(CheckFailed):
    """What came answers nothing that was asked; the text says why.

    Anybody may send a datagram, so there it is passed over; on a connection it fails the check.
    """


class Datagrams(asyncio.DatagramProtocol):
    """A connected UDP socket: the kernel drops what others send."""

    def __init__(self) -> None:
        self._transport: asyncio.DatagramTransport | None = None
        self._received: asyncio.Queue[bytes | OSError] = asyncio.Queue()
        self._waiting = 0

    def send(self, data: bytes) -> None:
        """Send one datagram."""
        if self._transport is not None:
            self._transport.sendto(data)

    @property
    def local(self) -> tuple[Address, int]:
        """Return our own address and port."""
        if self._transport is None:
            raise CheckFailed("the socket is closed")
        host, port = self._transport.get_extra_info("sockname")[:2]
        return ip_address(host.partition("%")[0]), port

    async def ask(self, request: bytes, read: Callable[[bytes], Answer]) -> Answer:
        """Return what ``read`` makes of the first datagram that is not Stray; until then the request is repeated."""
        repeat = _Repeat(self, request)
        try:
            while True:
                data = await self.receive()
                try:
                    return read(data)
                except Stray as stray:
                    reached(f"{stray}: {excerpt(data, 24)}")
        finally:
            repeat.stop()

    async def receive(self) -> bytes:
        """Return the next datagram; raises OSError when the server's host refuses ours."""
        received = await self._received.get()
        if isinstance(received, OSError):
            raise received
        self._waiting -= len(received) + EACH
        return received

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: object) -> None:
        """Queue what came, if there is room."""
        if self._waiting + len(data) + EACH <= QUEUE:
            self._waiting += len(data) + EACH
            self._received.put_nowait(data)

    def error_received(self, exc: Exception) -> None:
        """Queue what the kernel learned, such as an ICMP refusal, if nothing else waits: it ends the check."""
        if isinstance(exc, OSError) and self._received.empty():
            self._received.put_nowait(exc)


class _Repeat:
    """Sends a datagram now, and again after growing waits until it is stopped."""

    __slots__ = ("_data", "_handle", "_loop", "_socket")

    def __init__(self, socket: Datagrams, data: bytes) -> None:
        self._loop = asyncio.get_running_loop()
        self._socket = socket
        self._data = data
        self._send(FIRST_WAIT)

    def stop(self) -> None:
        """Send no more."""
        self._handle.cancel()

    def _send(self, wait: float) -> None:
        self._socket.send(self._data)
        self._handle = self._loop.call_later(wait, self._send, min(2 * wait, LONGEST_WAIT))


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
