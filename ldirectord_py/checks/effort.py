"""A limit on the work that a server can cause on one connection, for all protocols."""

from __future__ import annotations

from ldirectord_py.errors import CheckFailed

MAX_STEPS = 65536
"""Steps for all small pieces of an answer together: about 0.1 s of CPU time."""

MAX_BYTES = 32 * 1024 * 1024
"""Bytes received on a connection; protocols have smaller limits."""

MAX_TALK = 512 * 1024
"""Bytes received in protocols of short messages; over TLS each byte may be a separate record."""

SMALL = 512
"""Bytes of a piece that takes no steps, because MAX_BYTES limits such pieces."""

READ, RECORD, CHUNK = 8, 2, 1
"""Steps for one read of the socket, one record of TLS and one chunk of HTTP: about their CPU time in us."""


class Effort:
    """The work that is left for one connection; ``limit`` is in bytes.

    Its methods raise CheckFailed when no work is left.
    """

    __slots__ = ("bytes", "steps")

    def __init__(self, limit: int = MAX_BYTES) -> None:
        self.steps = MAX_STEPS
        self.bytes = limit

    def read(self, size: int) -> None:
        """Count a read that returned ``size`` bytes."""
        self.bytes -= size
        if size < SMALL:
            self.piece(size, READ)
        if self.bytes < 0:
            raise CheckFailed("the answer does not end")

    def datagram(self) -> None:
        """Count a datagram of any size."""
        self.piece(0, READ)

    def piece(self, size: int, steps: int) -> None:
        """Count ``steps`` for a piece of ``size`` bytes, unless it is large."""
        if size < SMALL:
            self.steps -= steps
            if self.steps < 0:
                raise CheckFailed("the answer comes in too many small pieces")
