"""UDP for checks: a connected socket, requests that are sent again, and a limit on received data."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from ipaddress import ip_address
from typing import Final, TypeVar

from ldirectord_py.address import Address
from ldirectord_py.checks.base import Target
from ldirectord_py.checks.effort import Effort
from ldirectord_py.checks.host_faults import connect_datagrams, fault, send_datagram
from ldirectord_py.checks.progress import set_progress
from ldirectord_py.checks.reasons import excerpt
from ldirectord_py.errors import CheckFailed, Inconclusive, LdirectordError

MAX_QUEUED = 131072
"""Bytes of received datagrams that wait to be read; further datagrams are dropped."""

DATAGRAM_OVERHEAD = 256
"""Bytes that each datagram counts in addition to its data."""

RESEND_DELAY = 0.5
"""Seconds until a request is sent again; the delay doubles each time."""

MAX_RESEND_DELAY = 4.0
"""Seconds between two requests, at most."""

_DATAGRAM: Final = socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC

Reply = TypeVar("Reply")


class UnrelatedAnswer(CheckFailed):
    """A message does not answer our request; the text says why.

    Datagrams of this kind are ignored, as anybody may send them; on a connection it fails the check.
    """


class Datagrams(asyncio.DatagramProtocol):
    """A connected UDP socket: the kernel drops datagrams from other addresses."""

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected
        self._received: asyncio.Queue[bytes | OSError | LdirectordError] = asyncio.Queue()
        self._waiting = 0
        self._effort: Effort | None = Effort()
        self._transport: asyncio.DatagramTransport | None = None
        self._closed = False

    async def open(self) -> None:
        """Start to receive datagrams."""
        loop = asyncio.get_running_loop()
        await loop.create_datagram_endpoint(lambda: self, sock=self._socket)

    def send(self, data: bytes) -> None:
        """Send one datagram; ``receive`` raises the error if this fails."""
        try:
            send_datagram(self._socket, data)  # not by the transport, which does not say whose error it is
        except (OSError, Inconclusive) as error:
            self._queue_error(error)

    @property
    def local(self) -> tuple[Address, int]:
        """Return our own address and port."""
        host, port = self._socket.getsockname()[:2]
        return ip_address(host.partition("%")[0]), port

    async def exchange(self, request: bytes, decode: Callable[[bytes], Reply]) -> Reply:
        """Return what ``decode`` returns for the first datagram for which it does not raise UnrelatedAnswer.

        The request is sent again until then.
        """
        repeat = _Resender(self, request)
        try:
            while True:
                data = await self.receive()
                try:
                    return decode(data)
                except UnrelatedAnswer as unrelated:
                    set_progress(f"{unrelated}: {excerpt(data, 24)}")
        finally:
            repeat.stop()

    ask = exchange  # the name in older plug-ins

    async def receive(self) -> bytes:
        """Return the next datagram.

        Raises OSError where the server's host refuses it, Inconclusive where this host does, and CheckFailed where the
        server sends too many.
        """
        received = await self._received.get()
        if not isinstance(received, bytes):
            try:
                raise received
            finally:
                del received  # its traceback refers to this frame
        self._waiting -= len(received) + DATAGRAM_OVERHEAD
        return received

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]  # as typeshed has it
        """Keep the transport, or close it if nobody waits for it any more."""
        self._transport = transport
        if self._closed:
            transport.abort()

    def close(self) -> None:
        """Close the socket, with its transport even if the loop has not handed it over yet."""
        self._closed = True
        if self._transport is not None:
            self._transport.abort()
        self._socket.close()

    def datagram_received(self, data: bytes, addr: object) -> None:
        """Queue a datagram, if there is room and the work of this check is not used up."""
        if self._effort is None:
            return
        try:
            self._effort.datagram()
        except CheckFailed as error:
            self._effort = None
            self._received.put_nowait(error)
            return
        if self._waiting + len(data) + DATAGRAM_OVERHEAD <= MAX_QUEUED:
            self._waiting += len(data) + DATAGRAM_OVERHEAD
            self._received.put_nowait(data)

    def error_received(self, exc: Exception) -> None:
        """Queue an error, such as an ICMP refusal, if nothing else is queued; it ends the check."""
        if isinstance(exc, OSError):
            self._queue_error(exc)

    def _queue_error(self, error: OSError | Inconclusive) -> None:
        if self._received.empty():
            self._received.put_nowait(error)


class _Resender:
    """Sends a datagram at once, and again after growing delays, until it is stopped."""

    __slots__ = ("_data", "_datagrams", "_handle", "_loop")

    def __init__(self, datagrams: Datagrams, data: bytes) -> None:
        self._loop = asyncio.get_running_loop()
        self._datagrams = datagrams
        self._data = data
        self._send(RESEND_DELAY)

    def stop(self) -> None:
        """Stop sending."""
        self._handle.cancel()

    def _send(self, delay: float) -> None:
        self._datagrams.send(self._data)
        self._handle = self._loop.call_later(delay, self._send, min(2 * delay, MAX_RESEND_DELAY))


@asynccontextmanager
async def connect(target: Target) -> AsyncIterator[Datagrams]:
    """Yield a socket connected to the target; raises Inconclusive."""
    datagrams = Datagrams(_open_socket(target))
    try:
        await datagrams.open()
        set_progress("no datagram came back")
        yield datagrams
    finally:
        datagrams.close()


def _open_socket(target: Target) -> socket.socket:
    try:
        opened = socket.socket(socket.AF_INET6 if target.address.version == 6 else socket.AF_INET, _DATAGRAM)
    except OSError as error:
        raise fault(error.errno or 0) from None
    try:
        connect_datagrams(opened, (str(target.address), target.port))
    except BaseException:
        opened.close()
        raise
    return opened
