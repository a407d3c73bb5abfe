"""Limits the work that a server can cause on one connection, for all protocols."""

from __future__ import annotations

from ldirectord_py.errors import CheckFailed

MAX_STEPS = 65536
"""Steps that small pieces of an answer may take together; all of them cost some 0.1 s of CPU time."""

MAX_BYTES = 32 * 1024 * 1024
"""Bytes that may arrive; protocols have smaller limits of their own."""

MAX_TALK = 512 * 1024
"""Bytes that may arrive in protocols of short messages; over TLS each may be a record of its own."""

SMALL = 512
"""Bytes: pieces of this size and more take no steps, as MAX_BYTES limits them."""

READ, RECORD, CHUNK = 8, 2, 1
"""Steps for one read of the socket, one record of TLS and one chunk of HTTP: about their CPU time in us."""


class Effort:
    """What is left of the work for one connection, ``limit`` bytes at first.

    Its methods raise CheckFailed when nothing is left.
    """

    __slots__ = ("bytes", "steps")

    def __init__(self, limit: int = MAX_BYTES) -> None:
        self.steps = MAX_STEPS
        self.bytes = limit

    def read(self, size: int) -> None:
        """Count a read that returned so many bytes."""
        self.bytes -= size
        if size < SMALL:
            self.piece(size, READ)
        if self.bytes < 0:
            raise CheckFailed("the answer does not end")

    def datagram(self) -> None:
        """Count a datagram, however large: it is looked at as a whole."""
        self.piece(0, READ)

    def piece(self, size: int, steps: int) -> None:
        """Count a piece of so many bytes, unless it is large."""
        if size < SMALL:
            self.steps -= steps
            if self.steps < 0:
                raise CheckFailed("the answer comes in too many small pieces")
