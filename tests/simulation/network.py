"""The sockets and the epoll of checks, on a simulated network: the least that their code uses of both."""

from __future__ import annotations

import errno
import os
import select
import socket
from collections.abc import Iterable
from heapq import heappop, heappush
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final

from simulation.clock import CLOCK
from simulation.conversation import Conversation
from simulation.datagrams import OWN_ADDRESSES, SimulatedDatagramSocket

if TYPE_CHECKING:
    from simulation.servers import Server
    from simulation.world import World

FIRST_DESCRIPTOR: Final = 1_000_000
"""Above every descriptor of this process."""

_DATAGRAM: Final = int(socket.SOCK_DGRAM)
_IN, _OUT = select.EPOLLIN, select.EPOLLOUT
_END, _ERROR = select.EPOLLIN | select.EPOLLRDHUP, select.EPOLLIN | select.EPOLLERR | select.EPOLLHUP


class Network:
    """The servers by address and port, the open sockets by descriptor, and the faults of this host's network.

    Descriptors are used again as Linux does it, the lowest first.
    ``refusal`` is the errno of every new connection, ``limit`` how many sockets may be open.
    """

    def __init__(self, world: World) -> None:
        self.world = world
        self.servers: dict[tuple[str, int], Server] = {}
        self.open: dict[int, SimulatedSocket | SimulatedDatagramSocket] = {}
        self.limit = 60_000
        self.refusal = 0
        self.point = ""
        self.epoll: SimulatedEpoll | None = None
        self._last = FIRST_DESCRIPTOR
        self._free: list[int] = []

    def socket(self, family: int, kind: int, *_: int) -> SimulatedSocket | SimulatedDatagramSocket:
        """Return a new socket; raises OSError beyond the limit."""
        if len(self.open) >= self.limit:
            self.world.hit(self.point)
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        descriptor = heappop(self._free) if self._free else self._next_descriptor()
        made: SimulatedSocket | SimulatedDatagramSocket
        if kind & _DATAGRAM:
            made = SimulatedDatagramSocket(self, descriptor, ipv6=family == socket.AF_INET6)
        else:
            made = SimulatedSocket(self, descriptor, family)
        self.open[descriptor] = made
        return made

    def server_at(self, address: tuple[str, int]) -> Server | None:
        """Return the server of an address; where there is none, the probe goes astray."""
        server = self.servers.get(address)
        if server is None:
            self.world.checks.fail("network", f"a connection to {address}, where no server is")
        return server

    def release(self, descriptor: int) -> None:
        """Let the number of a closed socket be used again, the lowest first."""
        del self.open[descriptor]
        heappush(self._free, descriptor)

    def close_all(self) -> None:
        """Close the sockets of a process that was killed."""
        for each in list(self.open.values()):
            each.close()
        self.epoll = None
        self._free.clear()

    def modules(self) -> tuple[object, object]:
        """Return what stands in for the modules ``socket`` and ``select`` of checks."""
        sockets = SimpleNamespace(**{**vars(socket), "socket": self.socket})
        return sockets, SimpleNamespace(**{**vars(select), "epoll": self._make_epoll})

    def _make_epoll(self) -> SimulatedEpoll:
        self.epoll = SimulatedEpoll(self._next_descriptor(), self.world)
        return self.epoll

    def _next_descriptor(self) -> int:
        self._last += 1
        return self._last


class SimulatedEpoll:
    """Its state: the events of registered sockets that were not fetched yet, by descriptor."""

    def __init__(self, descriptor: int, world: World) -> None:
        self.pending: dict[int, int] = {}
        self._descriptor = descriptor
        self._world = world

    def fileno(self) -> int:
        return self._descriptor

    def register(self, descriptor: int, _: int) -> None:
        watched = self._world.network.open[descriptor]
        assert isinstance(watched, SimulatedSocket)
        watched.epoll = self
        if watched.accepted or watched.error:
            self.add(descriptor, watched.readiness())

    def unregister(self, descriptor: int) -> None:
        watched = self._world.network.open[descriptor]
        assert isinstance(watched, SimulatedSocket)
        watched.epoll = None
        self.pending.pop(descriptor, None)

    def poll(self, _: float) -> Iterable[tuple[int, int]]:
        pending, self.pending = self.pending, {}
        return pending.items()

    def add(self, descriptor: int, events: int) -> None:
        """Add the events of a socket."""
        pending = self.pending
        if pending:
            pending[descriptor] = pending.get(descriptor, 0) | events
            return
        pending[descriptor] = events
        if (loop := self._world.loop) is not None:
            loop.make_ready(self._descriptor)


class SimulatedSocket(Conversation):
    """A socket that connects to one server. What the server does to it is decided by ``Server``."""

    epoll: SimulatedEpoll | None = None
    _closed = _eof = False
    _data = b""

    def __init__(self, network: Network, descriptor: int, family: int) -> None:
        self._network = network
        self._descriptor = descriptor
        self.family = family

    # What checks call.

    def fileno(self) -> int:
        return self._descriptor

    def setsockopt(self, *_: object) -> None:
        pass

    def getsockopt(self, _: int, __: int) -> int:
        return self.error

    def recvmsg(self, *_: object) -> Any:
        raise BlockingIOError(errno.EAGAIN, "no error is queued")

    def getsockname(self) -> tuple[str, int]:
        return OWN_ADDRESSES[self.family == socket.AF_INET6], self._descriptor % 65536

    def connect_ex(self, address: tuple[str, int]) -> int:
        network = self._network
        if network.refusal:
            network.world.hit(network.point)
            return network.refusal
        self.server = server = network.server_at(address)
        if server is None:
            return errno.ENETUNREACH
        self.begin = CLOCK.now
        server.on_connect(self)
        return errno.EINPROGRESS

    def send(self, data: bytes | memoryview) -> int:
        if self.error:
            raise OSError(self.error, os.strerror(self.error))
        if self.hung_up:
            self._network.world.after(self.server.rtt if self.server else 0.0, self.fail, errno.ECONNRESET)
        elif not self.requested and (server := self.server) is not None:
            self.requested = True
            server.on_request(self, bytes(data))
        return len(data)

    def recv_into(self, buffer: bytearray) -> int:
        if data := self._data:
            size = len(data)
            if size > len(buffer):
                size = len(buffer)
                self._data, data = data[size:], data[:size]
            else:
                self._data = b""
            buffer[:size] = data
            return size
        if self.error:
            raise OSError(self.error, os.strerror(self.error))
        if not self._eof:
            raise BlockingIOError(errno.EAGAIN, "no data")
        return 0

    def shutdown(self, _: int) -> None:
        pass

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._network.release(self._descriptor)
        if (epoll := self.epoll) is not None:
            self.epoll = None
            if epoll.pending:
                epoll.pending.pop(self._descriptor, None)
        if (server := self.server) is not None:
            server.on_close(self)

    # What servers do.

    def readiness(self) -> int:
        """Return the events that hold now."""
        events = _OUT if self.accepted else 0
        events |= _IN if self._data else 0
        events |= _END if self._eof else 0
        return events | (_ERROR if self.error else 0)

    def accept(self) -> None:
        """Accept the connection."""
        self.accepted = True
        if (epoll := self.epoll) is not None:
            epoll.add(self._descriptor, _OUT)

    def deliver(self, data: bytes, eof: bool) -> None:
        """Deliver a part of the answer; ``eof``: the last one."""
        self._data += data
        self._eof = eof
        if eof:
            self.answered = True
        if (epoll := self.epoll) is not None:
            epoll.add(self._descriptor, _END if eof else _IN)

    def hang_up(self) -> None:
        """Close the connection, unless something was asked."""
        if self.accepted and not self.requested and not self._closed:
            self._eof = self.hung_up = True
            if self.epoll is not None:
                self.epoll.add(self._descriptor, _END)

    def reset(self) -> None:
        """Reset the connection."""
        self.answered = True
        self.fail(errno.ECONNRESET)

    def fail(self, error: int) -> None:
        """Let the connection fail."""
        self.error = error
        if self.epoll is not None:
            self.epoll.add(self._descriptor, _ERROR)
