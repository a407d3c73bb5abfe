"""Splits the data of a connection into lines of limited length."""

from __future__ import annotations

from ldirectord_py.errors import CheckFailed


class LineBuffer:
    """Received bytes, of which whole lines can be taken; ``limit`` bounds the bytes of a line with its end."""

    __slots__ = ("_data", "_limit", "_searched")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._data = bytearray()
        self._searched = 0

    def feed(self, data: bytes | memoryview) -> None:
        """Add received bytes."""
        self._data += data

    def next_line(self) -> bytes | None:
        """Return the next line with its end, None if it is not complete; raises CheckFailed if it is too long."""
        end = self._data.find(b"\n", self._searched) + 1
        if (end or len(self._data)) > self._limit:
            raise CheckFailed(f"a line longer than {self._limit // 1024} kB")
        if not end:
            self._searched = len(self._data)
            return None
        line = bytes(self._data[:end])
        del self._data[:end]
        self._searched = 0
        return line

    def rest(self) -> bytes:
        """Remove and return the bytes that are not in a line yet."""
        data = bytes(self._data)
        self._data.clear()
        self._searched = 0
        return data
