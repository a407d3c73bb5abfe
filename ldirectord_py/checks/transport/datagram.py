"""What the checks over UDP share: a socket that hears its server alone."""

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

QUEUE = 131072
"""Bytes that wait at most; what comes beyond them is dropped."""

EACH = 256
"""Bytes that a datagram counts beside its own."""

FIRST_WAIT = 0.5
"""Seconds until a request is sent again; each wait is twice the one before."""

LONGEST_WAIT = 4.0
"""Seconds between two requests at most."""

_DATAGRAM: Final = socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC

Reply = TypeVar("Reply")


class UnrelatedAnswer(CheckFailed):
    """What came answers nothing that was asked; the text says why.

    Anybody may send a datagram, so there it is passed over; on a connection it fails the check.
    """


class Datagrams(asyncio.DatagramProtocol):
    """A connected UDP socket: the kernel drops what others send."""

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected
        self._received: asyncio.Queue[bytes | OSError | LdirectordError] = asyncio.Queue()
        self._waiting = 0
        self._effort: Effort | None = Effort()

    def send(self, data: bytes) -> None:
        """Send one datagram; where that fails, ``receive`` raises why."""
        try:
            send_datagram(self._socket, data)  # past the transport, which does not tell whose error it is
        except (OSError, Inconclusive) as error:
            self._failed(error)

    @property
    def local(self) -> tuple[Address, int]:
        """Return our own address and port."""
        host, port = self._socket.getsockname()[:2]
        return ip_address(host.partition("%")[0]), port

    async def ask(self, request: bytes, read: Callable[[bytes], Reply]) -> Reply:
        """Return what ``read`` makes of the first datagram that is not Stray; until then the request is repeated."""
        repeat = _Repeat(self, request)
        try:
            while True:
                data = await self.receive()
                try:
                    return read(data)
                except UnrelatedAnswer as stray:
                    set_progress(f"{stray}: {excerpt(data, 24)}")
        finally:
            repeat.stop()

    async def receive(self) -> bytes:
        """Return the next datagram.

        Raises OSError when the server's host refuses ours, Inconclusive when this one does, CheckFailed when the
        server sends more than are looked at.
        """
        received = await self._received.get()
        if not isinstance(received, bytes):
            try:
                raise received
            finally:
                del received  # its traceback refers to this frame
        self._waiting -= len(received) + EACH
        return received

    def datagram_received(self, data: bytes, addr: object) -> None:
        """Queue what came, if there is room and not too much came before it."""
        if self._effort is None:
            return
        try:
            self._effort.datagram()
        except CheckFailed as error:
            self._effort = None
            self._received.put_nowait(error)
            return
        if self._waiting + len(data) + EACH <= QUEUE:
            self._waiting += len(data) + EACH
            self._received.put_nowait(data)

    def error_received(self, exc: Exception) -> None:
        """Queue what the kernel learned, such as an ICMP refusal, if nothing else waits: it ends the check."""
        if isinstance(exc, OSError):
            self._failed(exc)

    def _failed(self, error: OSError | Inconclusive) -> None:
        if self._received.empty():
            self._received.put_nowait(error)


class _Repeat:
    """Sends a datagram now, and again after growing waits until it is stopped."""

    __slots__ = ("_data", "_datagrams", "_handle", "_loop")

    def __init__(self, datagrams: Datagrams, data: bytes) -> None:
        self._loop = asyncio.get_running_loop()
        self._datagrams = datagrams
        self._data = data
        self._send(FIRST_WAIT)

    def stop(self) -> None:
        """Send no more."""
        self._handle.cancel()

    def _send(self, wait: float) -> None:
        self._datagrams.send(self._data)
        self._handle = self._loop.call_later(wait, self._send, min(2 * wait, LONGEST_WAIT))


@asynccontextmanager
async def connect(target: Target) -> AsyncIterator[Datagrams]:
    """Yield a socket connected to the target; it is closed without a wait. Raises Inconclusive."""
    connected = _connected(target)
    try:
        transport, protocol = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: Datagrams(connected), sock=connected
        )
    except BaseException:
        connected.close()
        raise
    set_progress("no datagram came back")
    try:
        yield protocol
    finally:
        transport.abort()


def _connected(target: Target) -> socket.socket:
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
