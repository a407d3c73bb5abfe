"""What the director and a worker process say to each other, over one socket.

::

    director --- Work: checks to begin and to end, limits (pickled) ---> worker
    director <-- News: results, log lines, commands (JSON: it comes from where servers are talked to) -- worker

Each is a frame: its length in four bytes, then so many bytes. The end of the socket is the end of the worker, or of the
director, however that came.
"""

from __future__ import annotations

import asyncio
import json
import pickle
import struct
from collections.abc import Sequence
from dataclasses import dataclass

from ldirectord_py.checks.base import Check, Result
from ldirectord_py.health import Verdict

_LENGTH = struct.Struct("!I")

LONGEST = 64 * 1024 * 1024
"""Bytes that a frame may have."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What holds for one process: ``external`` commands at once, and ``checks`` (None: as many as have room)."""

    external: int
    checks: int | None


@dataclass(frozen=True, slots=True)
class Assignment:
    """What a worker is told, checks by number: ``whole`` unless the rest follows; log lines from ``level`` on count."""

    begin: Sequence[tuple[int, Check]]
    end: Sequence[int]
    limits: Limits
    level: int
    whole: bool = True

    def frame(self) -> bytes:
        """Return the frame."""
        return _frame(pickle.dumps(self, pickle.HIGHEST_PROTOCOL))


@dataclass(frozen=True, slots=True)
class Update:
    """What a worker tells: results by the number of the check, log lines as (level, logger, text), and commands.

    These are all the process ``groups`` that are to be ended should the worker be killed.
    """

    results: Sequence[tuple[int, Result]] = ()
    lines: Sequence[tuple[int, str, str]] = ()
    groups: Sequence[int] = ()

    def frame(self) -> bytes:
        """Return the frame."""
        results = [(number, found.verdict.value, found.reason, found.seconds) for number, found in self.results]
        told = (results, list(self.lines), list(self.groups))
        return _frame(json.dumps(told, default=str).encode())  # a plug-in may return no str


def decode_assignment(data: bytes) -> Assignment:
    """Return what the director says: it is trusted with pickles."""
    told: Assignment = pickle.loads(data)  # noqa: S301  from our own parent, over a socket that nobody else has
    return told


def decode_update(data: bytes) -> Update:
    """Return what a worker says; raises ValueError or TypeError where it is nothing of that kind."""
    results, lines, groups = json.loads(data)
    return Update(
        [(number, Result(Verdict(verdict), reason, seconds)) for number, verdict, reason, seconds in results],
        [(int(level), str(name), str(text)) for level, name, text in lines],
        [int(group) for group in groups],
    )


async def read_frame(reader: asyncio.StreamReader) -> bytes:
    """Return the next frame; raises EOFError or OSError when there is none any more."""
    (length,) = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
    if length > LONGEST:
        raise EOFError(f"a frame of {length} bytes")
    return await reader.readexactly(length)


def _frame(data: bytes) -> bytes:
    return _LENGTH.pack(len(data)) + data
