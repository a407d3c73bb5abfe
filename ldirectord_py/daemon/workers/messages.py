"""The messages between the director and a worker process, over one Unix socket.

::

    director --- Assignment: checks to add and to remove, limits (pickle) -----------> worker
    director <-- Update: results, log lines, commands, counts (JSON) ----------------- worker, which talks to servers

Each message is preceded by its length in four bytes. A closed socket means that the other process has ended.
"""

from __future__ import annotations

import asyncio
import json
import pickle
import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ldirectord_py.checks.base import Check, Result
from ldirectord_py.checks.codes import ReasonCode
from ldirectord_py.daemon.probing.probe_counts import NO_COUNTS, ProbeCounts
from ldirectord_py.health import Verdict

_LENGTH = struct.Struct("!I")

MAX_MESSAGE_SIZE = 64 * 1024 * 1024
"""Bytes."""

# Look-ups in these take a tenth of the time of Verdict(...) and ReasonCode(...), and there is one for each probe.
_VERDICTS: Mapping[int, Verdict] = {verdict.value: verdict for verdict in Verdict}
_CODE_BY_NAME: Mapping[str, ReasonCode] = {code.value: code for code in ReasonCode}


@dataclass(frozen=True, slots=True)
class Limits:
    """How many ``external`` commands and ``checks`` one process runs at a time; None: as many as it has room for."""

    external: int
    checks: int | None


@dataclass(frozen=True, slots=True)
class Assignment:
    """Checks that a worker adds and removes, by number, its limits, and the lowest level of log lines that it sends.

    Of a change that needs several messages only the last one is ``complete``. ``at_once`` are probes out of turn: the
    number of each probe, and that of its check.
    """

    added: Sequence[tuple[int, Check]]
    removed: Sequence[int]
    limits: Limits
    log_level: int
    complete: bool = True
    at_once: Sequence[tuple[int, int]] = ()

    def encode(self) -> bytes:
        """Return the message."""
        return _with_length(pickle.dumps(self, pickle.HIGHEST_PROTOCOL))


@dataclass(frozen=True, slots=True)
class Update:
    """Results by number of the check, log lines as (level, logger, text), and the process groups of all commands.

    The director kills these ``groups`` if the worker is killed. ``at_once`` are results of probes out of turn, by the
    number of the probe. ``counts``: since the update before.
    """

    results: Sequence[tuple[int, Result]] = ()
    log_lines: Sequence[tuple[int, str, str]] = ()
    groups: Sequence[int] = ()
    at_once: Sequence[tuple[int, Result]] = ()
    counts: ProbeCounts = NO_COUNTS

    def encode(self) -> bytes:
        """Return the message."""
        results, at_once = _sendable(self.results), _sendable(self.at_once)
        fields = (results, list(self.log_lines), list(self.groups), at_once, self.counts)
        return _with_length(json.dumps(fields, default=str).encode())  # a reason of a plug-in may not be a str


def not_probed(reason: str) -> Result:
    """Return the result of a probe that this host could not do."""
    return Result(Verdict.NONE, reason, 0.0, ReasonCode.SOCKERR)


def decode_assignment(data: bytes) -> Assignment:
    """Return the assignment in a message of the director."""
    assignment: Assignment = pickle.loads(data)  # noqa: S301  from our parent process, over a socket pair
    return assignment


def decode_update(data: bytes) -> Update:
    """Return the update in a message of a worker; raises ValueError or TypeError if it is malformed."""
    try:
        results, log_lines, groups, at_once, (stalls, stalled_seconds, repeated) = json.loads(data)
        return Update(
            _numbered_results(results),
            [(int(level), str(name), str(text)) for level, name, text in log_lines],
            [int(group) for group in groups],
            _numbered_results(at_once),
            ProbeCounts(int(stalls), float(stalled_seconds), int(repeated)),
        )
    except (OverflowError, RecursionError) as error:  # an infinite number, lists in lists in lists
        raise ValueError(f"a malformed update: {error}") from None


def _result(verdict: int, reason: str, seconds: float, code: str, certificate_end: float | None = None) -> Result:
    try:
        return Result(_VERDICTS[verdict], reason, seconds, _CODE_BY_NAME[code], 1, certificate_end)
    except KeyError as error:
        raise ValueError(f"no such verdict or code: {error}") from None


async def read_message(reader: asyncio.StreamReader) -> bytes:
    """Return the next message without its length; raises EOFError or OSError at the end of the connection."""
    (length,) = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
    if length > MAX_MESSAGE_SIZE:
        raise EOFError(f"a message of {length} bytes")
    return await reader.readexactly(length)


def _with_length(data: bytes) -> bytes:
    return _LENGTH.pack(len(data)) + data


def _sendable(results: Iterable[tuple[int, Result]]) -> list[tuple[object, ...]]:
    return [(number, *_result_values(result)) for number, result in results]


def _result_values(result: Result) -> tuple[object, ...]:
    fields = (result.verdict.value, result.reason, result.seconds, result.code)
    return fields if result.certificate_end is None else (*fields, result.certificate_end)


def _numbered_results(rows: Iterable[Any]) -> list[tuple[int, Result]]:
    return [(number, _result(*fields)) for number, *fields in rows]
