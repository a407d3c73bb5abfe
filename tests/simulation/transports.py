"""Streams in memory: the mail server's connections, and those of clients of the control socket."""

from __future__ import annotations

import asyncio
import errno
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, Self

if TYPE_CHECKING:
    from simulation.loop import SimulatedLoop
    from simulation.world import World

LATENCY: Final = 0.001
"""Seconds from one end of a stream to the other."""


class SimulatedTransport(asyncio.Transport):
    """The director's end of a stream. ``on_data`` is the other end; None is the end of the data."""

    def __init__(
        self, world: World, loop: SimulatedLoop, protocol: Any, on_data: Callable[[bytes | None], None]
    ) -> None:
        super().__init__()
        self._world = world
        self._loop = loop
        self._protocol = protocol
        self._on_data = on_data
        self._closing = False
        self._incoming: deque[bytes | Exception | None] = deque()
        loop.call_soon(protocol.connection_made, self)

    def send(self, data: bytes) -> None:
        """Let data arrive at the director's end."""
        self._world.after(LATENCY, self._receive, data)

    def end(self, error: Exception | None = None) -> None:
        """Let the other end close the stream, or reset it."""
        self._world.after(LATENCY, self._receive, error)

    def write(self, data: Any) -> None:
        if not self._closing:
            self._world.after(LATENCY, self._on_data, bytes(data))

    def close(self) -> None:
        if not self._closing:
            self._closing = True
            self._world.after(LATENCY, self._on_data, None)
            self._loop.call_soon(self._protocol.connection_lost, None)

    def abort(self) -> None:
        self.close()

    def is_closing(self) -> bool:
        return self._closing

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        pass

    def get_write_buffer_size(self) -> int:
        return 0

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self._protocol = protocol

    def get_protocol(self) -> Any:
        return self._protocol

    def is_reading(self) -> bool:
        return True

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass

    def can_write_eof(self) -> bool:
        return False

    def _receive(self, what: bytes | Exception | None) -> None:
        """Let data arrive, or the end of the stream; in its order, whatever that of the callbacks is."""
        self._incoming.append(what)
        self._loop.call_soon(self._deliver)

    def _deliver(self) -> None:
        what = self._incoming.popleft()
        if self._closing:
            return
        if isinstance(what, bytes):
            self._protocol.data_received(what)
            return
        self._closing = True
        if what is None:
            self._protocol.eof_received()
        self._loop.call_soon(self._protocol.connection_lost, what)


class MailServer:
    """A mail server: answers, is dark, refuses connections, or rejects every mail (``conduct``)."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.conduct = "up"

    async def connect(self, loop: SimulatedLoop, factory: Callable[[], Any], host: str, port: int) -> Any:
        """Return transport and protocol of a connection; raises OSError."""
        await self.world.pause(LATENCY)
        if self.conduct != "up":
            self.world.hit("F45")
        if self.conduct == "dark":
            await loop.create_future()
        if self.conduct == "refused":
            raise ConnectionRefusedError(errno.ECONNREFUSED, "Connect call failed")
        protocol = factory()
        session = _MailSession(self)
        session.transport = transport = SimulatedTransport(self.world, loop, protocol, session.on_data)
        transport.send(b"220 mail.example.net ESMTP\r\n")
        return transport, protocol


class _MailSession:
    """One session. Its state: the line that is not complete, and whether a mail is being received."""

    def __init__(self, server: MailServer) -> None:
        self.server = server
        self.transport: SimulatedTransport | None = None
        self._rest = b""
        self._in_mail = False

    def on_data(self, data: bytes | None) -> None:
        """Answer the lines of the director."""
        if data is None or self.transport is None or self.server.conduct == "dark":
            return
        *lines, self._rest = (self._rest + data).split(b"\r\n")
        for line in lines:
            if answer := self._answer(line):
                self.transport.send(answer)

    def _answer(self, line: bytes) -> bytes:
        if self._in_mail:
            if line != b".":
                return b""
            self._in_mail = False
            return b"250 ok\r\n"
        word = line[:4].upper()
        if word == b"RCPT" and self.server.conduct == "rejecting":
            return b"451 try again later\r\n"
        if word == b"DATA":
            self._in_mail = True
            return b"354 go on\r\n"
        return b"221 bye\r\n" if word == b"QUIT" else b"250 ok\r\n"


class ControlSockets:
    """The listening control socket of the director, and the connections that it has not accepted yet."""

    def __init__(self, world: World, descriptor: int) -> None:
        self.world = world
        self._descriptor = descriptor
        self._waiting: list[ControlConnection] = []

    def fileno(self) -> int:
        return self._descriptor

    def accept(self) -> tuple[ControlConnection, None]:
        if not self._waiting:
            raise BlockingIOError(errno.EAGAIN, "nobody waits")
        return self._waiting.pop(0), None

    def close(self) -> None:
        self._waiting.clear()

    def connect(self, client: ControlConnection) -> None:
        """Let a client connect."""
        self._waiting.append(client)
        if self.world.loop is not None:
            self.world.loop.make_ready(self._descriptor)


class ControlConnection:
    """A client: sends its lines once it is accepted; ``on_line`` gets each answer, None at the end."""

    def __init__(self, world: World, lines: bytes, on_line: Callable[[bytes | None], None]) -> None:
        self.world = world
        self._lines = lines
        self._on_line = on_line
        self._rest = b""
        self.transport: SimulatedTransport | None = None
        self._has_left = False

    def make_transport(self, loop: SimulatedLoop, factory: Callable[[], Any]) -> tuple[SimulatedTransport, Any]:
        """Return the director's end, as ``create_unix_connection`` does."""
        protocol = factory()
        self.transport = SimulatedTransport(self.world, loop, protocol, self._on_data)
        self.transport.send(self._lines)
        if self._has_left:
            self.transport.end()
        return self.transport, protocol

    def setblocking(self, _: bool) -> None:
        pass

    def send(self, data: bytes) -> int:
        self._on_data(data)
        return len(data)

    def close(self) -> None:
        self._on_data(None)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def leave(self) -> None:
        """Close the client's end, as soon as it is accepted."""
        self._has_left = True
        if self.transport is not None:
            self.transport.end()

    def _on_data(self, data: bytes | None) -> None:
        if data is None:
            self._on_line(None)
            return
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._on_line(line)
