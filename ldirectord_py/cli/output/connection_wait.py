"""``--wait``: until servers have no connections any more, or have weight again."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, TextIO

from ldirectord_py.cli.invocation.patient_client import PatientClient
from ldirectord_py.control.client import NotReachable, may_pass
from ldirectord_py.control.protocol import RequestError
from ldirectord_py.runtime.text import count_of

RECOUNT_INTERVAL: Final = 1.0
"""Seconds between two counts."""

AT_ONCE: Final = 200
"""Servers in a request."""

BAR_WIDTH: Final = 24
"""Characters of the progress bar."""

DEADLINE_PASSED: Final = 4
"""The exit status when the deadline has passed."""


@dataclass(frozen=True, slots=True)
class Usages:
    """What the kernel has of the servers that are waited for; ``error``: a text that says why that is not known now."""

    servers: Sequence[tuple[str, dict[str, int] | None]]
    error: str | None = None

    def total(self, *kinds: str) -> int:
        """Return how many connections of these kinds all servers have."""
        return sum(kernel[kind] for _, kernel in self.servers if kernel for kind in kinds)

    @property
    def remaining(self) -> int:
        """All connections and persistent clients."""
        return self.total("active", "inactive", "persistent")

    @property
    def are_drained(self) -> bool:
        """Whether no server has a connection, or can get one."""
        return not self.error and not self.remaining and not self.total("weight")

    @property
    def with_weight(self) -> int:
        """How many servers have weight."""
        return sum(bool(kernel and kernel["weight"]) for _, kernel in self.servers)


class Progress:
    """Shows how far a wait is: in one line on a terminal, else in a line for each change.

    Its state: the most connections so far, and the last line.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._terminal = stream.isatty()
        self._most = 0
        self._last = ""

    def show(self, text: str, left: int, seconds: float) -> None:
        """Show that so much is ``left``, and for how many seconds the wait goes on at most."""
        self._most = max(self._most, left)
        if self._terminal:
            done = BAR_WIDTH * (self._most - left) // self._most if self._most else BAR_WIDTH
            self._stream.write(f"\r[{'#' * done}{'.' * (BAR_WIDTH - done)}] {text}, {seconds:.0f} s left\x1b[K")
        elif text != self._last:
            self._stream.write(f"{text}\n")
        self._stream.flush()
        self._last = text

    def end_line(self) -> None:
        """End the line."""
        if self._terminal and self._last:
            self._stream.write("\n")


def wait_for_connections(client: PatientClient, servers: Sequence[str], seconds: float, stream: TextIO) -> bool:
    """Wait until these servers, ``VIRTUAL/REAL``, have no connections; return whether that was in time."""

    def text(found: Usages) -> tuple[str, int]:
        active, inactive, persistent = (found.total(kind) for kind in ("active", "inactive", "persistent"))
        counts = f"{active} active, {inactive} inactive, {persistent} persistent"
        return f"{count_of(found.remaining, 'connection')} ({counts})", found.remaining

    return _wait(partial(_count, client, servers), seconds, Progress(stream), text, lambda found: found.are_drained)


def wait_for_weight(client: PatientClient, servers: Sequence[str], seconds: float, stream: TextIO) -> bool:
    """Wait until these servers have weight in the kernel; return whether that was in time."""

    def text(found: Usages) -> tuple[str, int]:
        missing = len(servers) - found.with_weight
        return f"{found.with_weight} of {count_of(len(servers), 'server')} with weight", missing

    counted = partial(_count, client, servers)
    return _wait(counted, seconds, Progress(stream), text, lambda found: found.with_weight == len(servers))


def _wait(
    count: Callable[[], Usages],
    seconds: float,
    progress: Progress,
    text: Callable[[Usages], tuple[str, int]],
    is_done: Callable[[Usages], bool],
) -> bool:
    deadline = time.monotonic() + seconds
    try:
        count_left = 0
        while True:
            found = count()
            left = max(0.0, deadline - time.monotonic())
            if found.error:
                shown = found.error
            else:
                shown, count_left = text(found)
            progress.show(shown, count_left, left)
            if is_done(found) or not left:
                return is_done(found)
            time.sleep(min(RECOUNT_INTERVAL, left))
    finally:
        progress.end_line()


def _count(client: PatientClient, servers: Sequence[str]) -> Usages:
    try:
        answers = list(_answers(client, servers))
    except (NotReachable, RequestError) as error:
        if not may_pass(error):
            raise
        return Usages((), f"the daemon cannot be asked: {error}")
    rows = [(row["server"], row["kernel"]) for answer in answers for row in answer["servers"]]
    errors = (f"the kernel cannot be read: {answer['error']}" for answer in answers if answer["error"])
    return Usages(rows, next(errors, None))


def _answers(client: PatientClient, servers: Sequence[str]) -> Iterator[dict[str, Any]]:
    for start in range(0, len(servers), AT_ONCE):
        yield client.ask("connections", servers=list(servers[start : start + AT_ONCE]))
