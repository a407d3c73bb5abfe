"""Limits on the connections of clients that an HTTP library does not have: how many, how slow, how much they send."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, cast

MAX_CONNECTIONS: Final = 256
"""Connections at a time. Then the oldest that has not sent a request makes room; if all have, the new one goes."""

MAX_REQUEST_LENGTH: Final = 32 * 1024
"""Bytes that a client may send for one request."""

REQUEST_TIMEOUT: Final = 5.0
"""Seconds from the connection to the end of its first request."""

RESPONSE_TIMEOUT: Final = 30.0
"""Seconds in which a client has to read an answer, and to ask again or to hang up; longer than KEEPALIVE_TIMEOUT."""

KEEPALIVE_TIMEOUT: Final = 15.0
"""Seconds after which a connection without a request is closed."""


class ConnectionLimits:
    """The connections of a server. Its state: those that have sent a whole request, and those that have not."""

    def __init__(self, protocol: Callable[[], asyncio.BaseProtocol]) -> None:
        self._protocol = protocol
        self._guards: dict[asyncio.BaseTransport, GuardedProtocol] = {}
        self._waiting: dict[GuardedProtocol, None] = {}

    def __call__(self) -> GuardedProtocol:
        """Return the protocol of a new connection."""
        return GuardedProtocol(cast("asyncio.Protocol", self._protocol()), self)

    def __len__(self) -> int:
        """Return the number of connections."""
        return len(self._guards)

    def request_began(self, transport: asyncio.BaseTransport | None) -> None:
        """Give the connection its time for the answer to a request, which has come."""
        if transport is not None and (guard := self._guards.get(transport)) is not None:
            self._waiting.pop(guard, None)
            guard.restart(RESPONSE_TIMEOUT)

    def stream_began(self, transport: asyncio.BaseTransport | None) -> None:
        """Let the answer last; whoever sends it has a deadline for each of its parts."""
        if transport is not None and (guard := self._guards.get(transport)) is not None:
            guard.restart(None)

    def admit(self, transport: asyncio.Transport, guard: GuardedProtocol) -> bool:
        """Return whether there is room for a new connection."""
        if len(self._guards) >= MAX_CONNECTIONS:
            oldest = next(iter(self._waiting), None)
            if oldest is None:
                return False
            del self._waiting[oldest]
            oldest.abort()
        self._guards[transport] = guard
        self._waiting[guard] = None
        return True

    def forget(self, transport: asyncio.BaseTransport, guard: GuardedProtocol) -> None:
        """Forget a connection that has ended."""
        self._guards.pop(transport, None)
        self._waiting.pop(guard, None)


class GuardedProtocol(asyncio.Protocol):
    """Passes everything to the ``inner`` protocol, within limits; beyond them it ends the connection."""

    def __init__(self, inner: asyncio.Protocol, limits: ConnectionLimits) -> None:
        self._inner = inner
        self._limits = limits
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._received = 0

    def restart(self, seconds: float | None) -> None:
        """Count time and bytes from now on; without ``seconds`` there is no limit of time."""
        self._received = 0
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if seconds is not None:
            self._timer = asyncio.get_running_loop().call_later(seconds, self.abort)

    def abort(self) -> None:
        """End the connection at once."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin, if there is room."""
        accepted = cast("asyncio.Transport", transport)
        if not self._limits.admit(accepted, self):
            accepted.abort()
            return
        self._transport = accepted
        self.restart(REQUEST_TIMEOUT)
        self._inner.connection_made(transport)

    def data_received(self, data: bytes) -> None:
        """Pass data on, unless it is too much for a request."""
        self._received += len(data)
        if self._received > MAX_REQUEST_LENGTH:
            self.abort()
        elif self._transport is not None:
            self._inner.data_received(data)

    def eof_received(self) -> bool | None:
        """Pass the end of the requests on."""
        return self._inner.eof_received() if self._transport is not None else None

    def connection_lost(self, error: Exception | None) -> None:
        """End."""
        if self._transport is None:
            return
        self.restart(None)
        self._limits.forget(self._transport, self)
        self._transport = None
        self._inner.connection_lost(error)

    def pause_writing(self) -> None:
        """Pass it on."""
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        """Pass it on."""
        self._inner.resume_writing()
