"""TCP connections for one caller that takes one step at a time, with fewer system calls than an asyncio transport."""

from __future__ import annotations

import asyncio
import os
import socket
from asyncio import StreamWriter
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from errno import ECONNREFUSED, EINPROGRESS
from typing import Final

from ldirectord_py.checks.certificate import record_certificate
from ldirectord_py.checks.effort import MAX_TALK, Effort
from ldirectord_py.checks.host_faults import IPV6_RECVERR, fault, rejection
from ldirectord_py.checks.progress import LOOKUP, NO_HANDSHAKE, NO_TLS, progress, set_progress
from ldirectord_py.checks.threads import LOOKUPS
from ldirectord_py.checks.transport.epoll import FAILURE, READABLE, current_epoll
from ldirectord_py.checks.transport.tls import TlsParameters
from ldirectord_py.errors import Inconclusive
from ldirectord_py.runtime.streams import Reader, open_streams

_STREAM: Final = socket.SOCK_STREAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC

SocketAddress = tuple[str, int] | tuple[str, int, int, int] | tuple[int, bytes]
"""An address of IPv4 or IPv6 as sockets take it; typeshed has the last form for Python without IPv6."""


def connect(host: str, port: int, *, sends_first: bool = False) -> Coroutine[None, None, Connection]:
    """Return a connection to an address, or to the first address of a name that accepts one.

    ``sends_first``: the caller sends data or closes at once. The kernel then saves a packet, the acknowledgement of the
    handshake, which goes with these; until then the server may not know of the connection.
    Raises the OSError of the last address that was tried, or Inconclusive where this host could not try any.
    """
    family = _family(host)
    if family is None:
        return _connect_to_name(host, port)
    return Connection(family).open((host, port), sends_first=sends_first)


async def open_connection(
    host: str, port: int, *, limit: int, tls: TlsParameters | None = None
) -> tuple[Reader, StreamWriter]:
    """Return a connection as streams, over TLS on these terms if so; raises as ``connect``.

    The reader buffers up to twice ``limit`` bytes, and raises CheckFailed where the server makes too much work.
    """
    connected = (await connect(host, port)).detach()
    if tls is None:
        reader, writer = await open_streams(connected, limit=limit)
    else:
        set_progress(NO_TLS)
        reader, writer = await open_streams(connected, limit=limit, tls=tls.context, name=tls.name)
        record_certificate(writer.get_extra_info("ssl_object"))
    reader.on_data = Effort(MAX_TALK).read
    return reader, writer


async def start_tls(writer: StreamWriter, parameters: TlsParameters) -> None:
    """Start TLS on an open connection; raises OSError."""
    set_progress(NO_HANDSHAKE)
    await writer.start_tls(parameters.context, server_hostname=parameters.name)
    record_certificate(writer.get_extra_info("ssl_object"))


async def _connect_to_name(host: str, port: int) -> Connection:
    return await _first(await _addresses(host, port))


async def _first(addresses: Sequence[tuple[int, SocketAddress]]) -> Connection:
    """Return a connection to the first address that accepts one; raises as ``connect``."""
    failure: OSError | None = None
    fault: Inconclusive | None = None
    try:
        for family, address in addresses:
            try:
                return await Connection(family).open(address)
            except OSError as error:
                failure = error
            except Inconclusive as error:
                fault = error
        raise failure or fault or OSError("no address")
    finally:
        del failure, fault  # they refer to this frame


async def _addresses(host: str, port: int) -> list[tuple[int, SocketAddress]]:
    before = progress()
    set_progress(LOOKUP)
    found = await LOOKUPS.run(lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
    set_progress(before)
    return [(family, address) for family, _, _, _, address in found]


def _family(host: str) -> int | None:
    """Return the family of an address, None for a name."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        socket.inet_pton(family, host)
    except OSError:
        return None
    return family


class Connection:
    """A TCP connection. Its state: the socket, the events since it last had to wait, and the future of the waiter."""

    __slots__ = ("_descriptor", "_epoll", "_events", "_ipv6", "_socket", "_waiter", "effort")

    def __init__(self, family: int) -> None:
        """Create the socket; raises Inconclusive where this host cannot."""
        try:
            self._socket = socket.socket(family, _STREAM)
        except OSError as error:
            raise fault(error.errno or 0) from None
        self._epoll = current_epoll()
        self._ipv6 = family == socket.AF_INET6
        self._descriptor = -1
        self._events = 0
        self._waiter: asyncio.Future[None] | None = None
        self.effort = Effort()

    async def open(self, address: SocketAddress, *, sends_first: bool = False) -> Connection:
        """Return the connection once the server has accepted it, else close it; ``sends_first`` as for ``connect``.

        Raises OSError, or Inconclusive for a fault of this host.
        """
        try:
            if self._ipv6:
                self._socket.setsockopt(socket.IPPROTO_IPV6, IPV6_RECVERR, 1)
            if sends_first:  # saves 5 us of an HTTP check, of about 100
                self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 0)
            error = self._socket.connect_ex(address)
            if later := error == EINPROGRESS:
                self._register()
                await self._wait()
                failed = self._events & FAILURE
                error = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) if failed else 0
        except BaseException:
            self.close()
            raise
        if error:
            raise self._closed(error, later=later)
        if self._ipv6:  # an error that the network may get over must not end an established connection
            self._socket.setsockopt(socket.IPPROTO_IPV6, IPV6_RECVERR, 0)
        return self

    def _closed(self, error: int, *, later: bool) -> Exception:
        """Close the connection; return the exception that says why it failed."""
        failure = (rejection(self._socket, error) if later else None) or OSError(error, os.strerror(error))
        self.close()
        return failure if later or error == ECONNREFUSED else fault(error)

    async def send(self, data: bytes) -> None:
        """Wait until the kernel has accepted all data; raises OSError."""
        rest: bytes | memoryview = data
        while rest:
            try:
                sent = self._socket.send(rest)
            except BlockingIOError:
                await self._wait()
            else:
                rest = memoryview(rest)[sent:] if sent < len(rest) else b""

    async def receive_into(self, buffer: bytearray) -> int:
        """Wait for data and return the number of bytes read, 0 at the end of the connection.

        Raises OSError, and CheckFailed where the server sends too much, or in too small pieces.
        """
        while True:
            while not self._events & READABLE:
                await self._wait()
            try:
                size = self._socket.recv_into(buffer)
            except BlockingIOError:
                self._events = 0
            else:
                self.effort.read(size)
                return size

    def finish(self) -> None:
        """Send the end of our data, if the server is still there."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)

    def send_goodbye(self, data: bytes) -> None:
        """Send data without a wait; errors are ignored."""
        with suppress(OSError):
            self._socket.send(data)

    def detach(self) -> socket.socket:
        """Return the socket; the caller has to close it."""
        if self._descriptor >= 0:
            self._epoll.unregister(self._descriptor)
            self._descriptor = -1
        return self._socket

    def close(self) -> None:
        """Close the connection without a wait."""
        if self._descriptor >= 0:
            self._epoll.discard(self._descriptor)
            self._descriptor = -1
            self._waiter = None
        self._socket.close()

    def on_events(self, events: int) -> None:
        """Remember the events, and wake the caller that waits for one."""
        self._events |= events
        if (waiter := self._waiter) is not None:
            self._waiter = None
            if not waiter.done():
                waiter.set_result(None)

    def _register(self) -> None:
        descriptor = self._socket.fileno()
        self._epoll.register(descriptor, self)
        self._descriptor = descriptor

    def _wait(self) -> asyncio.Future[None]:
        """Return a future that is done with the next event."""
        if self._descriptor < 0:  # connected at once
            self._register()
        self._waiter = waiter = self._epoll.loop.create_future()
        return waiter
