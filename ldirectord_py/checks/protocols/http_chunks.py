"""The body of an HTTP answer that comes in chunks, without I/O."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ldirectord_py.checks.effort import CHUNK, Effort
from ldirectord_py.checks.reasons import excerpt
from ldirectord_py.errors import CheckFailed

MAX_SIZE_LINE = 8192
"""Bytes that the line with a chunk's size may have, its extensions included."""

_FIRST = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;[^\n]*)?\r?\n")
_NEXT = re.compile(rb"\r?\n" + _FIRST.pattern)


class Chunks:
    """Decodes chunks. Its state: how many bytes of the current chunk are missing, and the beginning of a size line."""

    __slots__ = ("_effort", "_missing", "_rest", "_size_line", "done")

    def __init__(self, effort: Effort) -> None:
        self._effort = effort
        self._size_line = _FIRST
        self._missing = 0
        self._rest = b""
        self.done = False

    def pieces(self, data: bytes) -> Iterator[bytes]:
        """Yield the parts of the body in ``data``, until a chunk of size 0; raises CheckFailed if it is malformed."""
        if self._rest and b"\n" not in data:  # so that a long line in small pieces is not searched for each of them
            self._keep_line(self._rest + data)
            return
        data, at = self._rest + data, 0
        self._rest = b""
        while at < len(data):
            if not self._missing:
                if (line := self._size_line.match(data, at)) is None:
                    self._keep_line(data[at:])
                    return
                at, self._missing, self._size_line = line.end(), int(line[1], 16), _NEXT
                self._effort.piece(self._missing, CHUNK)
                if not self._missing:
                    self.done = True  # trailers are ignored
                    return
            piece = data[at : at + self._missing]
            at += len(piece)
            self._missing -= len(piece)
            if piece:
                yield piece

    def _keep_line(self, rest: bytes) -> None:
        """Keep the beginning of a line; raises CheckFailed where more data cannot make it one."""
        lines = 1 if self._size_line is _FIRST else 2
        if rest.count(b"\n") >= lines or len(rest) > MAX_SIZE_LINE:
            raise CheckFailed(f"malformed HTTP answer: no size of a chunk: {excerpt(rest)}")
        self._rest = rest
