"""``monitorfile``: a line for each result of a check, written by a thread so that no disk delays a check."""

from __future__ import annotations

import logging
import os
import re
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from ldirectord_py.address import bracketed
from ldirectord_py.checks.base import Result
from ldirectord_py.config.model import CheckType, Real, Virtual
from ldirectord_py.health import Verdict
from ldirectord_py.report.events import Event, Probed
from ldirectord_py.runtime.incidents import OngoingFault
from ldirectord_py.runtime.line_writer import LineWriter
from ldirectord_py.runtime.text import as_bytes, error_text
from ldirectord_py.runtime.thread_writer import ThreadWriter

FLUSH_TIMEOUT: Final = 1.0
"""Seconds that ``close`` waits for the queued lines to be written."""

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


class _Line(NamedTuple):
    path: str
    text: str


@dataclass(slots=True)
class _FailingFile:
    """A file that cannot be written now."""

    writer: LineWriter = field(default_factory=LineWriter)
    fault: OngoingFault = field(default_factory=OngoingFault)


class MonitorFiles:
    """A Listener: appends a line for each probe to the monitorfile of its virtual, in their order.

    Its state: the writer with its queue, the files that cannot be written now, and how many lines could not be written.
    """

    def __init__(self) -> None:
        self._writer = ThreadWriter[_Line]("monitorfile", self._write_lines)
        self._failing: dict[str, _FailingFile] = {}
        self._unwritten = 0

    def __call__(self, event: Event) -> None:
        """Queue the line of a probe, or drop and count it; never waits."""
        if not isinstance(event, Probed) or event.virtual.monitorfile is None:
            return
        text = line(time.time(), event.virtual, event.real, event.result)
        with suppress(RuntimeError):  # no thread can be started now: the line waits for one
            self._writer.put(_Line(event.virtual.monitorfile, text))

    @property
    def lost(self) -> int:
        """How many lines were dropped, or could not be written."""
        return self._writer.lost + self._unwritten

    def drain(self) -> None:
        """Return once everything queued is written; without a timeout, for tests."""
        self._writer.join()

    def close(self) -> None:
        """Write the queued lines, for FLUSH_TIMEOUT at most."""
        before = self._writer.lost
        self._writer.close(FLUSH_TIMEOUT)
        if lost := self._writer.lost - before:
            logger.warning("%d lines for monitorfiles were lost: not written within %g s", lost, FLUSH_TIMEOUT)

    def _write_lines(self, lines: Sequence[_Line], dropped: int) -> None:
        texts_by_path: dict[str, list[str]] = {}
        for each in lines:
            texts_by_path.setdefault(each.path, []).append(each.text)
        for path, texts in texts_by_path.items():
            self._write(path, texts)
        if dropped:
            logger.warning("%d lines for monitorfiles were lost: the disk was too slow", dropped)

    def _write(self, path: str, lines: Sequence[str]) -> None:
        file = self._failing.get(path) or _FailingFile()
        try:
            append(path, lines, file.writer)
        except Exception as error:  # noqa: BLE001  no exception may end the thread
            self._unwritten += len(lines)
            reason = error_text(error).lower()
            if file.fault.record(reason, len(lines)):
                logger.warning("Cannot write to monitorfile '%s': %s; it is tried again", path, reason)
            self._failing[path] = file
        else:
            if self._failing.pop(path, None):
                logger.info("Monitorfile '%s' can be written again; %d lines are missing", path, file.fault.losses)


def append(path: str, lines: Iterable[str], writer: LineWriter) -> None:
    """Append the lines to the file that ``path`` names now; raises OSError."""
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK  # a pipe without a reader must not block
    descriptor = os.open(path, flags, 0o644)
    try:
        writer.write(descriptor, as_bytes("".join(lines)))
    finally:
        os.close(descriptor)
