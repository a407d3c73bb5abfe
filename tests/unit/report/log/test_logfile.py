"""The log: what is logged, where, and that logging never blocks or raises."""

import logging
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ldirectord_py.config.model import Globals
from ldirectord_py.report.log import logfile
from ldirectord_py.report.log.formats import LogLine
from ldirectord_py.report.log.logfile import MAX_TEXT_LENGTH, QueuedLog, one_line, open_log, reconfigure, sink_for
from ldirectord_py.report.log.sinks import FileSink, StreamSink, SyslogSink
from ldirectord_py.runtime import thread_writer

LOGGER = logging.getLogger("ldirectord_py.daemon.reconciler.director")


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give a busy machine time to write."""
    monkeypatch.setattr(logfile, "FLUSH_TIMEOUT", 30.0)


class Gate:
    """A sink that blocks until it is opened."""

    def __init__(self) -> None:
        self.opened = threading.Event()
        self.entered = threading.Event()
        self.texts: list[str] = []

    def write(self, lines: Sequence[LogLine]) -> None:
        self.entered.set()
        self.opened.wait(30)
        self.texts += [line.text for line in lines]

    def close(self) -> None:
        pass


def settings(path: Path) -> Globals:
    return Globals(logfile=str(path))


def texts(path: Path) -> list[str]:
    return [line.split("] ", 1)[1] for line in path.read_text().splitlines()]


def test_a_new_file_is_created_after_a_rename(tmp_path: Path) -> None:
    path, rotated = tmp_path / "log", tmp_path / "log.1"
    with open_log(settings(path), "i") as log:
        LOGGER.info("before")
        log.drain()
        path.rename(rotated)
        LOGGER.info("after")
    assert (texts(rotated), texts(path)) == (["before"], ["after"])


def test_the_settings_name_the_sink() -> None:
    assert FileSink(Path("/var/log/x.log"), "i") == sink_for(Globals(logfile="/var/log/x.log"), "i")
    assert SyslogSink("local0", instance="i") == sink_for(Globals(logfile="local0"), "i")
    assert StreamSink(instance="i") == sink_for(Globals(supervised=True), "i")
    assert StreamSink(instance="i") == sink_for(Globals(), "i", verbose=True)


def test_details_are_logged_only_when_verbose(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "log"
    with open_log(settings(path), "i"):
        LOGGER.debug("detail")
        LOGGER.info("event")
    assert texts(path) == ["event"]
    with open_log(settings(path), "i", verbose=True):
        LOGGER.debug("detail")
    assert capfd.readouterr().out.endswith("] detail\n")


def test_warnings_of_libraries_are_logged_too(tmp_path: Path) -> None:
    path = tmp_path / "log"
    with open_log(settings(path), "i"):
        logging.getLogger("asyncio").error("Task exception was never retrieved")
        logging.getLogger("asyncio").info("Using selector")
    assert texts(path) == ["Task exception was never retrieved"]


def test_a_reconfiguration_moves_the_log(tmp_path: Path) -> None:
    with open_log(settings(tmp_path / "old"), "i") as log:
        LOGGER.info("one")
        log.drain()
        reconfigure(settings(tmp_path / "new"))
        LOGGER.info("two")
    assert (texts(tmp_path / "old"), texts(tmp_path / "new")) == (["one"], ["two"])


def test_a_reconfiguration_without_a_log_does_nothing() -> None:
    reconfigure(Globals())


@pytest.mark.difference("A log that cannot be written")
def test_F39_a_log_that_cannot_be_written_goes_to_standard_error_until_it_can(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "missing" / "log"
    with open_log(settings(path), "i") as log:
        for text in ("one", "two"):
            LOGGER.info(text)
            log.drain()
        path.parent.mkdir()
        LOGGER.info("three")
    expected = (
        f"ldirectord: cannot write the log: [Errno 2] No such file or directory: '{path}'; "
        "its lines come here until it can be written again\nldirectord: one\nldirectord: two\n"
    )
    assert expected == capfd.readouterr().err
    assert texts(path) == ["2 log lines went to standard error: the log could not be written", "three"]


@pytest.mark.difference("A log that is slow, a standard output that nobody reads")
def test_F40_a_sink_that_blocks_delays_nobody_and_lost_lines_are_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gate = Gate()
    monkeypatch.setattr(thread_writer, "MAX_QUEUED", 3)
    monkeypatch.setattr(logfile, "sink_for", lambda *_, **__: gate)
    with open_log(Globals(), "i"):
        LOGGER.info("first")
        assert gate.entered.wait(30)
        for number in range(10):
            LOGGER.info("line %d", number)
        assert logfile.lost_lines() == 7
        gate.opened.set()
    assert logfile.lost_lines() == 0
    lost = "7 log lines were lost: the log was too slow"
    assert ["first", "line 0", "line 1", "line 2", lost] == gate.texts


def test_close_waits_for_a_sink_that_blocks_no_longer_than_its_timeout_and_says_what_is_lost(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    gate = Gate()
    monkeypatch.setattr(logfile, "FLUSH_TIMEOUT", 0.05)
    monkeypatch.setattr(logfile, "sink_for", lambda *_, **__: gate)
    with open_log(Globals(), "i"):
        LOGGER.info("first")
        assert gate.entered.wait(30)
        LOGGER.info("second")
    assert gate.texts == []
    assert capfd.readouterr().err == "ldirectord: 2 log lines were lost: the log did not take them within 0.05 s\n"
    gate.opened.set()


def test_queued_lines_are_written_before_the_log_closes(tmp_path: Path) -> None:
    with open_log(settings(tmp_path / "log"), "i"):
        for number in range(2000):
            LOGGER.info("line %d", number)
    assert [f"line {number}" for number in range(2000)] == texts(tmp_path / "log")


def test_a_message_that_does_not_fit_its_arguments_is_logged_without_them(tmp_path: Path) -> None:
    with open_log(settings(tmp_path / "log"), "i") as log:
        log.emit(logging.LogRecord("n", logging.INFO, "", 0, "%d servers", ("many",), None))
    assert texts(tmp_path / "log") == ["%d servers (its arguments do not fit)"]


def test_a_message_whose_words_raise_is_logged_as_its_type(tmp_path: Path) -> None:
    class WordlessError(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no words")

    with open_log(Globals(logfile=str(tmp_path / "log")), "i") as log:
        log.handle(logging.LogRecord("x", logging.ERROR, __file__, 1, WordlessError(), (), None))
    (text,) = (tmp_path / "log").read_text().splitlines()
    assert "WordlessError" in text


def test_a_traceback_is_one_line(tmp_path: Path) -> None:
    with open_log(settings(tmp_path / "log"), "i"):
        try:
            int("broken")
        except ValueError:
            LOGGER.exception("check died")
    [text] = texts(tmp_path / "log")
    assert text.startswith(r"check died\nTraceback (most recent call last):\n")
    assert text.endswith("ValueError: invalid literal for int() with base 10: 'broken'")


def test_the_loggers_are_restored(tmp_path: Path) -> None:
    before = logging.getLogger().handlers[:]
    with open_log(settings(tmp_path / "log"), "i") as log:
        assert isinstance(log, QueuedLog)
    assert before == logging.getLogger().handlers
    assert logging.getLogger("ldirectord_py").level == logging.NOTSET


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Grüße\t\u20ac", r"Grüße\t€"),
        ("a\nb\r\n", r"a\nb\r\n"),
        ("\x1b[31mred\x00\x9b", r"\x1b[31mred\x00\x9b"),
        ("\u2028", r"\u2028"),
        ("verf\udcfcgbar \ud800", r"verf\xfcgbar \ud800"),
        ("x" * (MAX_TEXT_LENGTH + 1), "x" * (MAX_TEXT_LENGTH - 3) + "..."),
    ],
)
def test_a_message_is_one_line(text: str, expected: str) -> None:
    assert expected == one_line(text)


@given(st.text(st.characters() | st.characters(categories=["Cs"])))
@pytest.mark.difference("A control character, a line break, or a byte that is not UTF-8, in a message")
def test_any_message_is_one_line(text: str) -> None:
    assert one_line(text).encode().decode().splitlines() in ([], [one_line(text)])


@pytest.mark.parametrize("fault", [OSError("no"), RuntimeError("no"), MemoryError(), RecursionError()])
def test_no_exception_of_a_sink_ends_the_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: Exception) -> None:
    path = tmp_path / "ldirectord.log"
    write, faults = FileSink.write, [fault]

    def failing(sink: FileSink, lines: Sequence[LogLine]) -> None:
        if faults:
            raise faults.pop()
        write(sink, lines)

    monkeypatch.setattr(FileSink, "write", failing)
    with open_log(settings(path), "web") as log:
        LOGGER.info("one")
        log.drain()
        LOGGER.info("two")
    assert texts(path) == ["1 log lines went to standard error: the log could not be written", "two"]


def test_a_sink_that_cannot_be_closed_does_not_end_the_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def close(_: FileSink) -> None:
        raise OSError("the server of this file is gone")

    monkeypatch.setattr(FileSink, "close", close)
    with open_log(settings(tmp_path / "one"), "web") as log:
        LOGGER.info("one")
        log.drain()
        log.reconfigure(settings(tmp_path / "two"))
        LOGGER.info("two")
    assert texts(tmp_path / "two") == ["two"]


@pytest.mark.parametrize("threads_come", [True, False])
def test_lines_wait_for_a_thread_when_none_can_be_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], threads_come: bool
) -> None:
    path = tmp_path / "ldirectord.log"

    def start(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", start)
        log = QueuedLog(settings(path), "web")
        log.handle(logging.makeLogRecord({"msg": "one"}))
        log.handle(logging.makeLogRecord({"msg": "two"}))
        if not threads_come:
            log.close()
    if threads_come:
        log.handle(logging.makeLogRecord({"msg": "three"}))
        log.close()
        assert texts(path) == ["one", "two", "three"]
    said = capfd.readouterr().err.splitlines()
    waiting = "ldirectord: cannot write the log: can't start new thread; its lines wait until a thread can be started"
    assert said == [waiting] + ([] if threads_come else ["ldirectord: one", "ldirectord: two"])
