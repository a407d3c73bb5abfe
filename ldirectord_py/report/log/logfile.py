"""The log: a bounded queue of lines, which a thread writes to a sink, so that logging never blocks.

Lines that do not fit into the queue are dropped and counted in the log. While the sink cannot be written, lines go to
standard error; each batch tries the sink again, and a line says how many it misses.
"""

from __future__ import annotations

import contextlib
import logging
import time
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from ldirectord_py.config.model import Globals, LogFormat
from ldirectord_py.report.log.formats import LogLine
from ldirectord_py.report.log.journal import JournalSink, is_journal, takes_syslog
from ldirectord_py.report.log.sinks import FileSink, Sink, StreamSink, SyslogSink, takes_a_line, write_to_stderr
from ldirectord_py.runtime.incidents import OngoingFault
from ldirectord_py.runtime.text import escape_controls
from ldirectord_py.runtime.thread_writer import ThreadWriter

STDOUT: Final = 1
STDERR: Final = 2
PACKAGE_LOGGER: Final = "ldirectord_py"
MAX_TEXT_LENGTH: Final = 8192

FLUSH_TIMEOUT: Final = 1.0
"""Seconds that ``close`` waits for the lines in the queue to be written."""

_opened: list[QueuedLog] = []


class QueuedLog(logging.Handler):
    """The handler of the root logger.

    Its state: the writer with its queue, the sink to write to and the one that is open, and their faults.
    """

    def __init__(self, settings: Globals, instance: str, *, verbose: bool = False) -> None:
        super().__init__()
        self._instance = instance
        self._verbose = verbose
        self._sink = self._open_sink = sink_for(settings, instance, verbose=verbose)
        self._sink_fault = OngoingFault()
        self._thread_fault = OngoingFault()
        self._writer = ThreadWriter[LogLine]("log", self._write_lines, self._close_open_sink)
        try:
            self._writer.start()
        except RuntimeError as fault:
            self._report_lack_of_threads(fault)

    def handle(self, record: logging.LogRecord) -> bool:
        """Queue a record, without the lock of a handler, which the queue does not need."""
        self.emit(record)
        return True

    def emit(self, record: logging.LogRecord) -> None:
        """Queue the line of a record, or drop and count it."""
        self.queue_line(_line(record))

    def queue_line(self, line: LogLine) -> None:
        """Queue a line, or drop and count it."""
        try:
            self._writer.put(line)
        except RuntimeError as fault:
            self._report_lack_of_threads(fault)

    @property
    def lost(self) -> int:
        """How many lines did not fit into the queue."""
        return self._writer.lost

    def reconfigure(self, settings: Globals) -> None:
        """Write the lines from now on to the sink that ``settings`` name; the thread closes the former one."""
        sink = sink_for(settings, self._instance, verbose=self._verbose)
        if sink != self._sink:
            self._sink = sink

    def drain(self) -> None:
        """Return once everything queued is written; without a timeout, for tests and tools."""
        self._writer.join()

    def close(self) -> None:
        """Write the queued lines, for FLUSH_TIMEOUT at most; to standard error if no thread could be started.

        How many were not written is said there, unless that could block.
        """
        before = self._writer.lost
        for line in self._writer.close(FLUSH_TIMEOUT):
            write_to_stderr(line.text)
        if (lost := self._writer.lost - before) and takes_a_line(STDERR):
            write_to_stderr(f"{lost} log lines were lost: the log did not take them within {FLUSH_TIMEOUT:g} s")
        super().close()

    def _report_lack_of_threads(self, fault: RuntimeError) -> None:
        if self._thread_fault.record(str(fault)):
            write_to_stderr(f"cannot write the log: {fault}; its lines wait until a thread can be started")

    def _write_lines(self, lines: Sequence[LogLine], dropped: int) -> None:
        if self._open_sink is not self._sink:
            self._close_open_sink()
            self._open_sink = self._sink
        if dropped:
            lines = [*lines, _own_line(f"{dropped} log lines were lost: the log was too slow")]
        fault = self._sink_fault
        first = f"{fault.losses} log lines went to standard error: the log could not be written"
        try:
            self._open_sink.write([_own_line(first), *lines] if fault.losses else lines)
        except Exception as error:  # noqa: BLE001  no exception may end the thread
            reason = str(error) or type(error).__name__
            if fault.record(reason, len(lines)):
                write_to_stderr(f"cannot write the log: {reason}; its lines come here until it can be written again")
            for line in lines:
                write_to_stderr(line.text)
        else:
            fault.clear()

    def _close_open_sink(self) -> None:
        with contextlib.suppress(Exception):  # nothing is left to do about it
            self._open_sink.close()


@contextlib.contextmanager
def open_log(settings: Globals, instance: str, *, verbose: bool = False) -> Iterator[QueuedLog]:
    """Log to the sink that ``settings`` name; ``verbose``: with our debug messages, to the standard output."""
    log = QueuedLog(settings, instance, verbose=verbose)
    root, package = logging.getLogger(), logging.getLogger(PACKAGE_LOGGER)
    level = package.level
    package.setLevel(logging.DEBUG if verbose else logging.INFO)
    root.addHandler(log)
    _opened.append(log)
    try:
        yield log
    finally:
        _opened.remove(log)
        root.removeHandler(log)
        package.setLevel(level)
        log.close()


def opened() -> QueuedLog | None:
    """Return the open log, None without one."""
    return _opened[-1] if _opened else None


def reconfigure(settings: Globals) -> None:
    """Direct the open log, if there is one, to the sink that ``settings`` name."""
    if (log := opened()) is not None:
        log.reconfigure(settings)


def lost_lines() -> int:
    """Return how many lines the open log has lost, 0 without one."""
    return log.lost if (log := opened()) is not None else 0


def sink_for(settings: Globals, instance: str, *, verbose: bool = False) -> Sink:
    """Return the sink that ``settings`` name: the journal itself where they name something that it collects."""
    json = settings.logformat is LogFormat.JSON
    if verbose or settings.supervised:
        return JournalSink(instance) if is_journal(STDOUT) else StreamSink(STDOUT, instance, json)
    if settings.logfile.startswith("/"):
        return FileSink(Path(settings.logfile), instance, json)
    if takes_syslog():
        return JournalSink(instance, settings.logfile)
    return SyslogSink(settings.logfile, instance=instance, json=json)


def one_line(text: str) -> str:
    """Return the text with control characters and lone surrogates escaped, cut at MAX_TEXT_LENGTH characters."""
    text = escape_controls(text)
    return text if len(text) <= MAX_TEXT_LENGTH else text[: MAX_TEXT_LENGTH - 3] + "..."


def _line(record: logging.LogRecord) -> LogLine:
    try:
        text = _text(record)
    except Exception:  # noqa: BLE001  a message that cannot be formatted must not raise in its caller
        message = record.msg if isinstance(record.msg, str) else type(record.msg)  # any other may raise again
        text = f"{message} (its arguments do not fit)"
    return LogLine(record.created, record.levelno, one_line(text), record.name, getattr(record, "event", None))


def _text(record: logging.LogRecord) -> str:
    text = record.getMessage()
    if record.exc_info and record.exc_info[1] is not None:
        text += "\n" + "".join(traceback.format_exception(record.exc_info[1])).rstrip()
    return text


def _own_line(text: str) -> LogLine:
    return LogLine(time.time(), logging.WARNING, text, __name__)
