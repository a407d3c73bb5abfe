"""The sinks of the log: a file, a stream, syslog, standard error."""

import json
import logging
import os
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from harness.time_zone import in_time_zone
from ldirectord_py.report.log.formats import LogLine, json_object
from ldirectord_py.report.log.sinks import FileSink, StreamSink, SyslogSink, takes_a_line, write_to_stderr

START = 1792925414.0  # in UTC: Sun Oct 25 10:50:14 2026
STAMP = "Sun Oct 25 10:50:14 2026"


@pytest.fixture(autouse=True)
def _utc() -> Iterator[None]:
    with in_time_zone("UTC"):
        yield


def texts(path: Path) -> list[str]:
    return [line.split("] ", 1)[1] for line in path.read_text().splitlines()]


def test_a_line_of_the_file_has_the_format_of_the_original(tmp_path: Path) -> None:
    path = tmp_path / "log"
    sink = FileSink(path, "web.cf")
    sink.write([LogLine(START, logging.INFO, "Added virtual server: 10.0.0.1:80"), LogLine(START, logging.INFO, "two")])
    sink.close()
    head = f"[{STAMP}|web.cf|{os.getpid()}]"
    assert f"{head} Added virtual server: 10.0.0.1:80\n{head} two\n" == path.read_text()


def test_a_day_of_one_digit_is_padded(tmp_path: Path) -> None:
    path = tmp_path / "log"
    FileSink(path, "i").write([LogLine(1790851814.0, logging.INFO, "text")])
    assert path.read_text().startswith("[Thu Oct  1 10:50:14 2026|i|")


def test_a_line_of_a_stream_has_only_the_time() -> None:
    reading, writing = os.pipe()
    StreamSink(writing).write([LogLine(START, logging.INFO, "text")])
    assert f"[{STAMP}] text\n".encode() == os.read(reading, 4096)
    os.close(reading)
    os.close(writing)


def test_syslog_gets_facility_severity_time_and_process(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as daemon:
        daemon.bind(str(tmp_path / "log"))
        daemon.settimeout(5)
        sink = SyslogSink("local3", str(tmp_path / "log"))
        sink.write([LogLine(START, logging.INFO, "text"), LogLine(START, logging.WARNING, "worse")])
        head = f"Oct 25 10:50:14 ldirectord[{os.getpid()}]:"
        assert [f"<158>{head} text", f"<156>{head} worse"] == [daemon.recv(4096).decode() for _ in range(2)]
        sink.close()


def test_each_sink_writes_json_where_it_is_asked_to(tmp_path: Path) -> None:
    line, path = LogLine(START, logging.INFO, "text", "x"), tmp_path / "file"
    FileSink(path, "i", json=True).write([line, line])
    reading, writing = os.pipe()
    StreamSink(writing, "i", json=True).write([line])
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as daemon:
        daemon.bind(str(tmp_path / "log"))
        sink = SyslogSink("local3", str(tmp_path / "log"), "i", json=True)
        sink.write([line])
        sent = daemon.recv(4096).decode().partition("]: ")[2]
        sink.close()
    found = [*path.read_text().splitlines(), os.read(reading, 4096).decode(), sent]
    assert [json.loads(each) for each in found] == [json.loads(json_object(line, "i", os.getpid()))] * 4
    os.close(reading)
    os.close(writing)


def test_a_restart_of_syslog_loses_no_line(tmp_path: Path) -> None:
    path = tmp_path / "log"
    sink = SyslogSink("daemon", str(path))
    for text in ("one", "two"):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as daemon:
            path.unlink(missing_ok=True)
            daemon.bind(str(path))
            daemon.settimeout(5)
            sink.write([LogLine(START, logging.INFO, text)])
            assert daemon.recv(4096).decode().endswith(f"]: {text}")
    sink.close()


def test_a_pipe_that_nobody_reads_raises_instead_of_blocking(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "log")
    with pytest.raises(OSError, match="No such device or address"):
        FileSink(tmp_path / "log", "i").write([LogLine(START, logging.INFO, "text")])


def test_an_unknown_facility_raises() -> None:
    with pytest.raises(OSError, match="local9 is neither a path nor a facility of syslog"):
        SyslogSink("local9").write([LogLine(START, logging.INFO, "text")])


def test_standard_error_may_be_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr", None)
    write_to_stderr("unheard")


def test_F40_a_full_pipe_that_nobody_reads_takes_no_line() -> None:
    reader, writer = os.pipe()
    assert takes_a_line(writer)
    os.set_blocking(writer, False)
    with suppress(BlockingIOError):
        while True:
            os.write(writer, bytes(4096))
    assert not takes_a_line(writer)
    os.close(reader)
    os.close(writer)
    assert not takes_a_line(writer)


def test_F39_no_line_continues_a_half_line_after_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "ldirectord.log"
    sink = FileSink(path, "web")
    write = os.write

    def half(descriptor: int, data: memoryview) -> int:
        monkeypatch.setattr(os, "write", full)
        return write(descriptor, data[: len(data) - 3])

    def full(_: int, __: memoryview) -> int:
        raise OSError("No space left on device")

    monkeypatch.setattr(os, "write", half)
    with pytest.raises(OSError, match="No space"):
        sink.write([LogLine(START, logging.INFO, "one")])
    monkeypatch.setattr(os, "write", write)
    sink.write([LogLine(START, logging.INFO, "two")])
    sink.close()
    assert texts(path) == ["o", "two"]
