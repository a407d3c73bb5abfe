"""The log. Whoever logs never waits: lines go through a bounded queue to a thread, which alone writes.

A full queue drops lines, and a line says how many. While the end of the log cannot be written, lines go to
standard error; the end is tried again with every batch, and once it is mended a line says how many went astray.
"""

from __future__ import annotations

import contextlib
import logging
import queue
import re
import threading
import time
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path

from ldirectord_py.config.model import Globals
from ldirectord_py.report.log.sinks import FileSink, LogLine, Sink, StreamSink, SyslogSink, write_to_stderr
from ldirectord_py.runtime.text import escape

LOGGER = "ldirectord_py"
QUEUED_LINES = 10_000
BATCH_LINES = 500
MAX_TEXT_LENGTH = 8192
FLUSH_TIMEOUT = 1.0

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_NAMED = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


class QueuedLog(logging.Handler):
    """The root logger's handler; its state: the queue, its thread, the sink, how many lines went elsewhere."""

    def __init__(self, settings: Globals, instance: str, *, verbose: bool = False) -> None:
        super().__init__()
        self._instance = instance
        self._verbose = verbose
        self._sink = sink_for(settings, instance, verbose=verbose)
        self._queue: queue.Queue[LogLine | None] = queue.Queue(QUEUED_LINES)
        self._lost = 0
        self._astray = 0
        self._threadless = False
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._begin()

    def emit(self, record: logging.LogRecord) -> None:
        """Queue the record, or count it as lost."""
        try:
            text = _text(record)
        except Exception:  # noqa: BLE001  a message that cannot be formatted must not end its caller
            text = f"{record.msg} (its arguments do not fit)"
        try:
            self._queue.put_nowait(LogLine(record.created, record.levelno, one_line(text)))
        except queue.Full:
            self._lost += 1
        if self._thread is None:
            self._begin()

    def reconfigure(self, settings: Globals) -> None:
        """Write from now on to where ``settings`` say; the thread closes the old end."""
        sink = sink_for(settings, self._instance, verbose=self._verbose)
        if sink != self._sink:
            self._sink = sink

    def drain(self) -> None:
        """Return once everything queued is written; waits without a deadline, for tests and tools."""
        self._queue.join()

    def close(self) -> None:
        """Write what is queued, for a second at most, and end the thread; once, as ``logging`` closes it again.

        Where this host has never had a thread to spare, the lines go to standard error.
        """
        if self._stop.is_set():
            return
        self._stop.set()
        with contextlib.suppress(queue.Full):
            self._queue.put_nowait(None)  # wakes the thread
        if self._thread is not None:
            self._thread.join(FLUSH_TIMEOUT)
        else:
            self._write_to_stderr()
        super().close()

    def _begin(self) -> None:
        """Start the thread; where this host has none to spare, the next line tries again."""
        thread = threading.Thread(target=self._write_until_stopped, name="log", daemon=True)
        try:
            thread.start()
        except RuntimeError as fault:
            if not self._threadless:
                write_to_stderr(f"cannot write the log: {fault}; its lines wait until a thread can be started")
            self._threadless = True
        else:
            self._thread = thread

    def _write_to_stderr(self) -> None:
        while not self._queue.empty():
            for line in self._batch()[0]:
                write_to_stderr(line.text)

    def _write_until_stopped(self) -> None:
        sink = self._sink
        while not (self._stop.is_set() and self._queue.empty()):
            lines, taken = self._batch()
            if sink is not self._sink:
                _close(sink)
                sink = self._sink
            if lines:
                self._write(sink, lines)
            for _ in range(taken):
                self._queue.task_done()
        _close(sink)

    def _batch(self) -> tuple[list[LogLine], int]:
        """Return what is queued, after waiting for the first, and a line about lost ones; and how many it took."""
        batch = [self._queue.get()]
        while len(batch) < BATCH_LINES and not self._queue.empty():
            batch.append(self._queue.get_nowait())  # nobody else takes from the queue
        lines = [line for line in batch if line is not None]
        lost, self._lost = self._lost, 0
        if lost:
            lines.append(_own(f"{lost} log lines were lost: the log was too slow"))
        return lines, len(batch)

    def _write(self, sink: Sink, lines: Sequence[LogLine]) -> None:
        astray = self._astray
        first = [_own(f"{astray} log lines went to standard error: the log could not be written")] if astray else []
        try:
            sink.write([*first, *lines])
        except Exception as fault:  # noqa: BLE001  whatever it is, the thread has to go on
            if not astray:
                write_to_stderr(f"cannot write the log: {fault}; it comes here until that is mended")
            for line in lines:
                write_to_stderr(line.text)
            self._astray += len(lines)
        else:
            self._astray = 0


@contextlib.contextmanager
def open_log(settings: Globals, instance: str, *, verbose: bool = False) -> Iterator[QueuedLog]:
    """Log everything to where ``settings`` say; ``verbose``: our details too, and to the standard output."""
    log = QueuedLog(settings, instance, verbose=verbose)
    root, package = logging.getLogger(), logging.getLogger(LOGGER)
    level = package.level
    package.setLevel(logging.DEBUG if verbose else logging.INFO)
    root.addHandler(log)
    try:
        yield log
    finally:
        root.removeHandler(log)
        package.setLevel(level)
        log.close()


def reconfigure(settings: Globals) -> None:
    """Write the open log, if there is one, from now on to where ``settings`` say."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, QueuedLog):
            handler.reconfigure(settings)


def sink_for(settings: Globals, instance: str, *, verbose: bool = False) -> Sink:
    """Return the end of the log that ``settings`` name."""
    if verbose or settings.supervised:
        return StreamSink()
    if settings.logfile.startswith("/"):
        return FileSink(Path(settings.logfile), instance)
    return SyslogSink(settings.logfile)


def _close(sink: Sink) -> None:
    """Close an end of the log; where that fails, there is nothing left to do."""
    with contextlib.suppress(Exception):
        sink.close()


def one_line(text: str) -> str:
    """Return the text without control characters and lone surrogates, and no longer than LONGEST_TEXT."""
    text = _CONTROL.sub(_escape, text)
    return text if len(text) <= MAX_TEXT_LENGTH else text[: MAX_TEXT_LENGTH - 3] + "..."


def _escape(found: re.Match[str]) -> str:
    return _NAMED.get(found.group()) or escape(found.group())


def _text(record: logging.LogRecord) -> str:
    text = record.getMessage()
    if record.exc_info and record.exc_info[1] is not None:
        text += "\n" + "".join(traceback.format_exception(record.exc_info[1])).rstrip()
    return text


def _own(text: str) -> LogLine:
    return LogLine(time.time(), logging.WARNING, text)
