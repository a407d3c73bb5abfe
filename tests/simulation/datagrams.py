"""The UDP sockets of checks, and the answers of servers to datagrams."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from simulation.clock import CLOCK
from simulation.conversation import Conversation

if TYPE_CHECKING:
    from simulation.loop import SimulatedLoop
    from simulation.network import Network

OWN_ADDRESSES: Final = {False: "10.255.0.1", True: "2001:db8:ffff::1"}
"""The addresses of the director's host; the key is true for IPv6."""

Answers = Callable[[bytes], bytes]


class SimulatedDatagramSocket(Conversation):
    """A connected UDP socket."""

    def __init__(self, network: Network, descriptor: int, *, ipv6: bool) -> None:
        self.ipv6 = ipv6
        self._network = network
        self._descriptor = descriptor
        self._protocol: asyncio.DatagramProtocol | None = None
        self._closed = False

    # What checks call.

    def fileno(self) -> int:
        return self._descriptor

    def getsockopt(self, _: int, __: int) -> int:
        return 0

    def getsockname(self) -> tuple[str, int]:
        return OWN_ADDRESSES[self.ipv6], self._descriptor % 65536

    def connect(self, address: tuple[str, int]) -> None:
        network = self._network
        if network.refusal:
            network.world.hit(network.point)
            raise OSError(network.refusal, os.strerror(network.refusal))
        self.server, self.begin = network.server_at(address), CLOCK.now
        self.connect_delay, self.accepted, self.right = 0.0, True, True
        if self.server is not None:
            self.server.on_open(self)

    def make_transport(self, _: SimulatedLoop, factory: Callable[[], Any]) -> tuple[DatagramTransport, Any]:
        """Return what ``create_datagram_endpoint`` does."""
        self._protocol = protocol = factory()
        transport = DatagramTransport(self)
        protocol.connection_made(transport)
        return transport, protocol

    def send(self, data: bytes) -> int:
        self.requested = True
        if self.server is not None:
            self.server.on_datagram(self, data)
        return len(data)

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._network.release(self._descriptor)
            if self.server is not None:
                self.server.on_close(self)

    # What servers do.

    def answer_after(self, seconds: float, data: bytes, *, right: bool = True) -> None:
        """Send a datagram, which arrives after so many seconds."""
        if right:
            self.answer_delay = min(self.answer_delay, CLOCK.now - self.begin + seconds)
        self._network.world.after(seconds, self._deliver, data, right)

    def refuse_after(self, seconds: float, error: int) -> None:
        """Let routers or the server's host refuse the datagram."""
        self.refused = True
        self._network.world.after(seconds, self._fail, error)

    def _deliver(self, data: bytes, right: bool) -> None:
        if self._closed or self._protocol is None:
            return
        self.right, self.answered = right, True
        self.refused = self.refused and not right
        self._protocol.datagram_received(data, None)  # type: ignore[arg-type]  # the director looks at none

    def _fail(self, error: int) -> None:
        if not self._closed and self._protocol is not None:
            self.error = error
            self._protocol.error_received(OSError(error, os.strerror(error)))


class DatagramTransport(asyncio.DatagramTransport):
    """The transport of such a socket, which its user closes."""

    def __init__(self, connected: SimulatedDatagramSocket) -> None:
        super().__init__()
        self._socket = connected

    def abort(self) -> None:
        self._socket.close()


def _dns(request: bytes, flags: int = 0x8180, rest: bytes = b"") -> bytes:
    counts = b"\0\1" + (b"\0\1" if rest else b"\0\0") + b"\0\0\0\0"
    return request[:2] + flags.to_bytes(2, "big") + counts + request[12:] + rest


def _sip(request: bytes, status: bytes = b"200 OK") -> bytes:
    headers = [line for line in request.split(b"\r\n")[1:] if line.partition(b":")[0] in _REPEATED]
    return b"\r\n".join((b"SIP/2.0 " + status, *headers, b"Content-Length: 0", b"", b""))


_REPEATED: Final = frozenset((b"Via", b"To", b"From", b"Call-ID", b"CSeq"))
_RECORD: Final = b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\xc0\0\2\1"

RIGHT: Final[Mapping[str, Answers]] = {"dns": lambda request: _dns(request, rest=_RECORD), "sip": _sip}

WRONG: Final[Mapping[str, Answers]] = {
    "dns": lambda request: _dns(request, flags=0x8183),
    "sip": lambda request: _sip(request, b"503 Service Unavailable"),
}

SPOOFED: Final[Mapping[str, Answers]] = {
    "dns": lambda request: bytes((request[0] ^ 1,)) + RIGHT["dns"](request)[1:],
    "sip": lambda request: _sip(request).replace(b"Call-ID: ", b"Call-ID: 0"),
}
"""Right answers to another question, as somebody else may send them."""

GARBAGE: Final[tuple[Answers, ...]] = (
    lambda _: b"",
    lambda _: b"\0\xff" * 700,
    lambda request: _dns(request, rest=_RECORD[:-2]),
    lambda request: request,
    lambda request: request[:2] + b"\x81\x80" + b"\xff" * 8 + request[12:],
    lambda request: b"SIP/2.0 200 OK\r\n" + b"Via: " * 2000 + request[:20],
)
