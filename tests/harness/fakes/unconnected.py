"""Connections without a network or a loop: the server says what is recorded, whatever it hears."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any, Final, TypeVar

from ldirectord_py.checks.effort import Effort

MAX_TURNS: Final = 100_000
"""Turns of a loop that a check may wait for."""

GROWTH: Final = 40
"""After so many pieces of data, the next ones are twice as large: later than TLS starts in most seeds."""

T = TypeVar("T")


def run_without_loop(awaited: Awaitable[T]) -> T:
    """Return the result of what waits for nothing but its next turn."""
    steps = awaited.__await__()
    for _ in range(MAX_TURNS):
        try:
            steps.send(None)
        except StopIteration as done:
            result: T = done.value
            return result
    raise AssertionError("it waits for something that does not come")


class RecordedReader(asyncio.StreamReader):
    """The reading half of streams, which hands out the data in pieces of ``size`` bytes, and later in larger ones.

    Byte by byte, a long answer would take most of the time of a fuzzer.
    """

    def __init__(self, data: bytes, size: int) -> None:
        self._buffer = bytearray(data)
        self._size = size
        self._pieces = 0

    async def read(self, n: int = -1) -> bytes:
        """Return the next piece, b"" at the end."""
        self._pieces += 1
        if not self._pieces % GROWTH:
            self._size *= 2
        return self._take(self._size if n < 0 else min(n, self._size))

    async def readexactly(self, n: int) -> bytes:
        """Return so many bytes; raises IncompleteReadError."""
        data = self._take(n)
        if len(data) < n:
            raise asyncio.IncompleteReadError(data, n)
        return data

    def _take(self, size: int) -> bytes:
        data = bytes(self._buffer[:size])
        del self._buffer[:size]
        return data


class DeafWriter:
    """The writing half of streams, its transport and its socket: nothing is sent."""

    transport: Any

    def __init__(self) -> None:
        self.transport = self

    def write(self, data: bytes) -> None:
        """Send nothing."""

    async def drain(self) -> None:
        """Wait for nothing."""

    def get_extra_info(self, name: str) -> Any:
        """Return the socket, and its address."""
        return {"socket": self, "sockname": ("127.0.0.1", 1)}.get(name)

    def setsockopt(self, *_: int) -> None:
        """Set nothing."""

    def close(self) -> None:
        """Close nothing."""

    abort = close


class RecordedConnection:
    """A Connection that receives the data in pieces, as RecordedReader does."""

    def __init__(self, data: bytes, size: int) -> None:
        self._reader = RecordedReader(data, size)
        self.effort = Effort()

    async def receive_into(self, buffer: bytearray) -> int:
        """Return the size of the next piece, which is in the buffer then."""
        data = await self._reader.read(len(buffer))
        buffer[: len(data)] = data
        self.effort.read(len(data))
        return len(data)

    async def send(self, data: bytes) -> None:
        """Send nothing."""

    def send_goodbye(self, data: bytes) -> None:
        """Send nothing."""

    def finish(self) -> None:
        """Finish nothing."""

    def close(self) -> None:
        """Close nothing."""
