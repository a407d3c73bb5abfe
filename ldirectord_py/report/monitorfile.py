"""``monitorfile``: a line for each result of a check, written by a thread so that no disk holds a check up."""

from __future__ import annotations

import logging
import os
import queue
import re
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass

from ldirectord_py.address import bracketed
from ldirectord_py.checks.base import Result
from ldirectord_py.config.model import CheckType, Real, Virtual
from ldirectord_py.health import Verdict
from ldirectord_py.report.events import Event, Probed
from ldirectord_py.runtime.line_writer import LineWriter
from ldirectord_py.runtime.text import as_bytes

QUEUED_LINES = 10_000
BATCH_LINES = 500
FLUSH_TIMEOUT = 1.0

_NEGOTIATED = (CheckType.NEGOTIATE, CheckType.COMBINED)
_COMMANDS = (CheckType.EXTERNAL, CheckType.EXTERNAL_PERL)
_BREAKS = re.compile(r"[\r\n]")
_SPECIAL = re.compile(r"[%|\r\n]")

logger = logging.getLogger(__name__)


def line(seconds: float, virtual: Virtual, real: Real, result: Result) -> str:
    """Return the line for a result, ``seconds`` since the epoch, with the line break."""
    state = "up" if result.verdict is Verdict.UP else "down"
    head = f"[{time.ctime(seconds)}] [{os.getpid()}] {_escaped(_BREAKS, real_id(virtual, real))}"
    return f"{head} [{state}] {_escaped(_SPECIAL, result.reason or '-')}\n"


def real_id(virtual: Virtual, real: Real) -> str:
    """Return what identifies a real server and its check in these files."""
    fields = (
        *_check(virtual),
        virtual.protocol.name.lower() if virtual.protocol else "fwm",
        f"{bracketed(real.server)}:{real.port}",
        virtual.virtualhost or "",
        str(virtual.checkport or ""),
        f"{real.weight}:{real.forward}:{real.request}:{real.receive}",
    )
    return re.sub(":+", " ", ":".join(fields)).replace("\\", "")


def _check(virtual: Virtual) -> tuple[str, ...]:
    if virtual.checktype in _NEGOTIATED:
        return virtual.checktype.value, virtual.service
    if virtual.checktype in _COMMANDS:
        return virtual.checktype.value, virtual.checkcommand
    return (virtual.checktype.value,)


def _escaped(which: re.Pattern[str], text: str) -> str:
    return which.sub(lambda found: f"%{ord(found.group()):02x}", text)


@dataclass(frozen=True, slots=True)
class _Line:
    path: str
    text: str


@dataclass(frozen=True, slots=True)
class _Unwritable:
    """A file that cannot be written now: whether a line of it is torn, and how many lines it misses."""

    writer: LineWriter
    missing: int


class MonitorFiles:
    """A Listener: writes lines to their files, in order.

    Its state: the queue, its thread, the number of lost lines, and the files that cannot be written now.
    """

    def __init__(self) -> None:
        self._queue: queue.Queue[_Line | None] = queue.Queue(QUEUED_LINES)
        self._thread: threading.Thread | None = None
        self._lost = 0
        self._unwritable: dict[str, _Unwritable] = {}

    def __call__(self, event: Event) -> None:
        """Queue the line of a probe for the virtual's monitorfile, or count it as lost; never waits."""
        if not isinstance(event, Probed) or event.virtual.monitorfile is None:
            return
        text = line(time.time(), event.virtual, event.real, event.result)
        try:
            self._begin()
            self._queue.put_nowait(_Line(event.virtual.monitorfile, text))
        except (queue.Full, RuntimeError):  # RuntimeError: there is no thread left
            self._lost += 1

    def drain(self) -> None:
        """Return once everything queued is written; waits without a deadline, for tests."""
        self._queue.join()

    def close(self) -> None:
        """Write what is queued, for FLUSH_SECONDS at most, and end the thread."""
        if self._thread is None:
            return
        until = time.monotonic() + FLUSH_TIMEOUT
        try:
            self._queue.put(None, timeout=FLUSH_TIMEOUT)
        except queue.Full:
            return
        self._thread.join(max(0.0, until - time.monotonic()))

    def _begin(self) -> None:
        if self._thread is None:
            thread = threading.Thread(target=self._write_until_closed, name="monitorfile", daemon=True)
            thread.start()
            self._thread = thread

    def _write_until_closed(self) -> None:
        while True:
            batch = self._batch()
            texts: dict[str, list[str]] = {}
            for each in batch:
                if each is not None:
                    texts.setdefault(each.path, []).append(each.text)
            for path, lines in texts.items():
                self._write(path, lines)
            self._tell_lost()
            for _ in batch:
                self._queue.task_done()
            if None in batch:
                return

    def _batch(self) -> list[_Line | None]:
        batch = [self._queue.get()]
        while len(batch) < BATCH_LINES and not self._queue.empty():
            batch.append(self._queue.get_nowait())  # nobody else takes from the queue
        return batch

    def _write(self, path: str, lines: list[str]) -> None:
        trouble = self._unwritable.get(path)
        writer = trouble.writer if trouble else LineWriter()
        try:
            append(path, lines, writer)
        except Exception as fault:  # noqa: BLE001  whatever it is, the thread has to go on
            if trouble is None:
                reason = str(getattr(fault, "strerror", None) or fault).lower()
                logger.warning("Cannot write to monitorfile '%s': %s; it is tried again", path, reason)
            self._unwritable[path] = _Unwritable(writer, (trouble.missing if trouble else 0) + len(lines))
        else:
            if trouble is not None:
                del self._unwritable[path]
                logger.info("Monitorfile '%s' can be written again; %d lines are missing", path, trouble.missing)

    def _tell_lost(self) -> None:
        lost, self._lost = self._lost, 0
        if lost:
            logger.warning("%d lines for monitorfiles were lost: the disk was too slow", lost)


def append(path: str, lines: Iterable[str], writer: LineWriter) -> None:
    """Append the lines to the file that is at ``path`` now; raises OSError."""
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK  # a pipe without a reader must not hold us
    descriptor = os.open(path, flags, 0o644)
    try:
        writer.write(descriptor, as_bytes("".join(lines)))
    finally:
        os.close(descriptor)
