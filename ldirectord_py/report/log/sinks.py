"""The sinks of the log: a file, the standard output, syslog. Each may block, so only the thread of the log writes.

The journal is in ``journal.py``. ``json`` makes each line a JSON object.
"""

from __future__ import annotations

import contextlib
import logging
import os
import select
import socket
import sys
import syslog
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Protocol

from ldirectord_py.report.log.formats import LogLine, json_object
from ldirectord_py.runtime.line_writer import LineWriter
from ldirectord_py.runtime.text import ESCAPED

SYSLOG_SOCKET = "/dev/log"
SEND_TIMEOUT = 1.0

_SEVERITIES = ((logging.ERROR, syslog.LOG_ERR), (logging.WARNING, syslog.LOG_WARNING), (logging.INFO, syslog.LOG_INFO))


class Sink(Protocol):
    """A place that log lines are written to."""

    def write(self, lines: Sequence[LogLine]) -> None:
        """Write the lines; raises OSError, after which some of them may have been written."""

    def close(self) -> None:
        """Close the open file or socket."""


@dataclass(slots=True)
class FileSink:
    """A file, which is opened again after it was renamed or removed."""

    path: Path
    instance: str
    json: bool = False
    _descriptor: int | None = field(default=None, repr=False, compare=False)
    _writer: LineWriter = field(default_factory=LineWriter, repr=False, compare=False)

    def write(self, lines: Sequence[LogLine]) -> None:
        """Append ``[localtime|INSTANCE|pid] text`` for each line, or JSON."""
        head = f"|{self.instance}|{os.getpid()}] "
        if self.json:
            text = _json_lines(lines, self.instance)
        else:
            text = "".join(f"[{second}{head}{line.text}\n" for second, line in _with_local_time(lines))
        self._writer.write(self._open(), text.encode(errors=ESCAPED))

    def close(self) -> None:
        """Close the file."""
        if self._descriptor is not None:
            descriptor, self._descriptor = self._descriptor, None
            os.close(descriptor)

    def _open(self) -> int:
        if self._descriptor is not None and not self._in_place(self._descriptor):
            self.close()
            self._writer.ends_mid_line = False
        if self._descriptor is None:
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK  # a pipe without a reader must not block
            self._descriptor = os.open(self.path, flags, 0o644)
        return self._descriptor

    def _in_place(self, descriptor: int) -> bool:
        try:
            return os.path.samestat(os.fstat(descriptor), self.path.stat())
        except FileNotFoundError:
            return False


@dataclass(frozen=True, slots=True)
class StreamSink:
    """An open stream, the standard output by default."""

    descriptor: int = 1
    instance: str = ""
    json: bool = False
    _writer: LineWriter = field(default_factory=LineWriter, repr=False, compare=False)

    def write(self, lines: Sequence[LogLine]) -> None:
        """Write ``[localtime] text`` for each line, or JSON."""
        if self.json:
            text = _json_lines(lines, self.instance)
        else:
            text = "".join(f"[{second}] {line.text}\n" for second, line in _with_local_time(lines))
        self._writer.write(self.descriptor, text.encode(errors=ESCAPED))

    def close(self) -> None:
        """Leave the stream open, as others write to it too."""


@dataclass(slots=True)
class SyslogSink:
    """The local syslog daemon; ``facility`` is the name of one of its facilities."""

    facility: str
    path: str = SYSLOG_SOCKET
    instance: str = ""
    json: bool = False
    _socket: socket.socket | None = field(default=None, repr=False, compare=False)

    def write(self, lines: Sequence[LogLine]) -> None:
        """Send each line as ``ldirectord[pid]: text``, or JSON for the text; raises OSError as ``facility_number``."""
        number = facility_number(self.facility)
        try:
            self._send(number, lines)
        except OSError:  # syslog was restarted
            self.close()
            self._send(number, lines)

    def close(self) -> None:
        """Close the socket."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _send(self, facility: int, lines: Sequence[LogLine]) -> None:
        if self._socket is None:
            sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            self._socket = sock
            sock.settimeout(SEND_TIMEOUT)
            sock.connect(self.path)
        for line in lines:
            stamp = time.ctime(line.seconds)[4:19]
            head = f"<{facility * 8 + severity(line.level)}>{stamp} ldirectord[{os.getpid()}]: "
            text = json_object(line, self.instance, os.getpid()) if self.json else line.text
            self._socket.send((head + text).encode(errors=ESCAPED))


def write_to_stderr(text: str) -> None:
    """Write a line to standard error, if that is open; never raises."""
    if sys.stderr is None:
        return
    with contextlib.suppress(Exception):  # it may be closed, or anything else by now
        sys.stderr.write(f"ldirectord: {text}\n")
        sys.stderr.flush()


def takes_a_line(descriptor: int) -> bool:
    """Return whether a line can be written at once, as it cannot to a full pipe that nobody reads."""
    try:
        return bool(select.select([], [descriptor], [], 0)[1])
    except (OSError, ValueError):
        return False


def facility_number(name: str) -> int:
    """Return the number of a facility of syslog; raises OSError if there is none of that name."""
    from logging.handlers import SysLogHandler  # noqa: PLC0415  2 ms, and only for syslog

    number = SysLogHandler.facility_names.get(name)
    if number is None:
        raise OSError(f"{name} is neither a path nor a facility of syslog")
    return number


def severity(level: int) -> int:
    """Return the severity of syslog for a level of ``logging``."""
    return next((severity for least, severity in _SEVERITIES if level >= least), syslog.LOG_DEBUG)


def _with_local_time(lines: Sequence[LogLine]) -> Iterator[tuple[str, LogLine]]:
    """Yield the lines, each with its time in words."""
    for second, group in groupby(lines, lambda line: int(line.seconds)):
        words = time.ctime(second)
        yield from ((words, line) for line in group)


def _json_lines(lines: Sequence[LogLine], instance: str) -> str:
    pid = os.getpid()
    return "".join(f"{json_object(line, instance, pid)}\n" for line in lines)
