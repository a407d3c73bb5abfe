"""TCP connections that do one thing at a time, with fewer calls of the kernel than a transport.

All that wait are in one list of the kernel's, which tells of many at once.
"""

from __future__ import annotations

import asyncio
import os
import select
import socket
from asyncio import StreamWriter
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from errno import ECONNREFUSED, EINPROGRESS
from typing import Final

from ldirectord_py.checks.effort import MAX_TALK, Effort
from ldirectord_py.checks.host_faults import IPV6_RECVERR, fault, rejection
from ldirectord_py.checks.progress import LOOKUP, progress, set_progress
from ldirectord_py.checks.threads import LOOKUPS
from ldirectord_py.checks.transport.tls import TlsParameters
from ldirectord_py.errors import Inconclusive
from ldirectord_py.runtime.loop_local import LoopLocal
from ldirectord_py.runtime.streams import Reader, over_socket

_STREAM: Final = socket.SOCK_STREAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC

Address = tuple[str, int] | tuple[str, int, int, int] | tuple[int, bytes]
"""What sockets take for an address, of IPv4 or IPv6; Python without IPv6 has its own."""


async def connect(host: str, port: int) -> Connection:
    """Return a connection to an address, or to the first that takes one of those that a name has.

    Where none takes one, raises OSError as of the last that was tried, or Inconclusive where this host could not try
    any.
    """
    family = _family(host)
    if family is not None:
        return await Connection(family).opened((host, port))
    return await _first(await _addresses(host, port))


async def open_connection(
    host: str, port: int, *, limit: int, tls: TlsParameters | None = None
) -> tuple[Reader, StreamWriter]:
    """Return a connection as streams, over TLS on these terms if so; raises as ``connect``.

    The reader buffers up to twice ``limit`` bytes, and raises CheckFailed where the server makes too much work.
    """
    connected = (await connect(host, port)).detach()
    if tls is None:
        reader, writer = await over_socket(connected, limit=limit)
    else:
        reader, writer = await over_socket(connected, limit=limit, tls=tls.context, name=tls.name)
    reader.count = Effort(MAX_TALK).read
    return reader, writer


async def _first(addresses: Sequence[tuple[int, Address]]) -> Connection:
    """Return a connection to the first address that takes one; raises as ``connect``."""
    failure: OSError | None = None
    fault: Inconclusive | None = None
    try:
        for family, address in addresses:
            try:
                return await Connection(family).opened(address)
            except OSError as error:
                failure = error
            except Inconclusive as error:
                fault = error
        raise failure or fault or OSError("no address")
    finally:
        del failure, fault  # they refer to this frame


async def _addresses(host: str, port: int) -> list[tuple[int, Address]]:
    before = progress()
    set_progress(LOOKUP)
    found = await LOOKUPS.run(lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
    set_progress(before)
    return [(family, address) for family, _, _, _, address in found]


def _family(host: str) -> int | None:
    """Return the family of an address, None of a name."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        socket.inet_pton(family, host)
    except OSError:
        return None
    return family


class Connection:
    """A socket and whether the kernel has it in its list; who uses it waits for each step before the next."""

    __slots__ = ("_ipv6", "_listed", "_readiness", "_socket", "effort")

    def __init__(self, family: int) -> None:
        self._readiness = _running()
        try:
            self._socket = socket.socket(family, _STREAM)
        except OSError as error:
            raise fault(error.errno or 0) from None
        self._ipv6 = family == socket.AF_INET6
        self._listed = False
        self.effort = Effort()

    async def opened(self, address: Address) -> Connection:
        """Return the connection once the server accepts.

        Where it does not, the connection is closed. Raises OSError, or Inconclusive for a fault of this host.
        """
        try:
            if self._ipv6:
                self._socket.setsockopt(socket.IPPROTO_IPV6, IPV6_RECVERR, 1)
            error = self._socket.connect_ex(address)
            if later := error == EINPROGRESS:
                await self._until(select.EPOLLOUT)
                error = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        except BaseException:
            self.close()
            raise
        if error:
            raise self._closed(error, later=later)
        if self._ipv6:  # an error that the network may get over must not end an established connection
            self._socket.setsockopt(socket.IPPROTO_IPV6, IPV6_RECVERR, 0)
        return self

    def _closed(self, error: int, *, later: bool) -> Exception:
        """Close the connection, and return the exception for why it did not come about."""
        failure = (rejection(self._socket, error) if later else None) or OSError(error, os.strerror(error))
        self.close()
        return failure if later or error == ECONNREFUSED else fault(error)

    async def send(self, data: bytes) -> None:
        """Wait until the kernel has taken all of this; raises OSError."""
        rest = memoryview(data)
        while rest:
            if sent := self._sent(rest):
                rest = rest[sent:]
            else:
                await self._until(select.EPOLLOUT)

    async def receive_into(self, buffer: bytearray) -> int:
        """Wait for something to read and return how many bytes it was, 0 at the end.

        Raises OSError, and CheckFailed where the server sends so much, or in such small pieces, that it costs too much.
        """
        while True:
            await self._until(select.EPOLLIN)
            with suppress(BlockingIOError):  # what woke us was no good
                size = self._socket.recv_into(buffer)
                self.effort.read(size)
                return size

    def finish(self) -> None:
        """Tell the server that no more will be sent, if it is still there."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)

    def leave(self, data: bytes) -> None:
        """Send a goodbye, whatever becomes of it."""
        with suppress(OSError):
            self._socket.send(data)

    def detach(self) -> socket.socket:
        """Return the socket, for others to use and to close."""
        if self._listed:
            self._readiness.remove(self._socket.fileno())
        return self._socket

    def close(self) -> None:
        """Close the connection without a wait."""
        self._socket.close()

    def _sent(self, data: memoryview) -> int:
        try:
            return self._socket.send(data)
        except BlockingIOError:
            return 0

    def _until(self, event: int) -> Coroutine[None, None, None]:
        listed, self._listed = self._listed, True
        return self._readiness.of(self._socket.fileno(), event, listed=listed)


class EpollWaiter:
    """The kernel's list of sockets, each waited for once; its state is who waits, by descriptor."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._waiting: dict[int, asyncio.Future[None]] = {}
        self._epoll = select.epoll()
        loop.add_reader(self._epoll.fileno(), self._ready)

    async def of(self, descriptor: int, event: int, *, listed: bool) -> None:
        """Wait until the socket is ready for ``event``, or has failed; cancelled, the socket is of no more use."""
        change = self._epoll.modify if listed else self._epoll.register
        change(descriptor, event | select.EPOLLONESHOT)
        self._waiting[descriptor] = waiter = self._loop.create_future()
        try:
            await waiter
        except BaseException:
            self._epoll.unregister(descriptor)  # a copy in a child would keep it there, and its number comes again
            raise
        finally:
            del self._waiting[descriptor]

    def remove(self, descriptor: int) -> None:
        """Forget a socket that others will wait for."""
        self._epoll.unregister(descriptor)

    def _ready(self) -> None:
        for descriptor, _ in self._epoll.poll(0):
            waiter = self._waiting.get(descriptor)
            if waiter is not None and not waiter.done():
                waiter.set_result(None)


_running = LoopLocal(EpollWaiter)
