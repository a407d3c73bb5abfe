"""The journal as a sink: when it is used, and a socket in its place."""

from __future__ import annotations

import logging
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from builders import real, verdict_on, virtual
from ldirectord_py.config.model import Globals, LogFormat
from ldirectord_py.health import HealthState, Transition
from ldirectord_py.report.log import journal
from ldirectord_py.report.log.formats import LogLine
from ldirectord_py.report.log.journal import JournalSink, is_journal
from ldirectord_py.report.log.listener import log
from ldirectord_py.report.log.logfile import open_log, sink_for
from ldirectord_py.report.log.sinks import StreamSink, SyslogSink

WEB = virtual("10.0.0.1:80", "10.1.0.1:80")
FELL = verdict_on(WEB, real("10.1.0.1:80"), Transition(HealthState(up=True), HealthState(failures=1)), "refused")


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """A socket where the journal has its own, as far as this process knows."""
    path = tmp_path / "socket"
    monkeypatch.setattr(journal, "JOURNAL_SOCKET", str(path))
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as bound:
        bound.bind(str(path))
        bound.settimeout(5)
        yield bound


def sink_of(server: socket.socket, facility: str = "daemon") -> JournalSink:
    return JournalSink("web", facility, server.getsockname())


def stdout_is_journal(monkeypatch: pytest.MonkeyPatch) -> None:
    status = os.fstat(1)
    monkeypatch.setenv("JOURNAL_STREAM", f"{status.st_dev}:{status.st_ino}")


def test_an_entry_has_what_syslog_has(server: socket.socket) -> None:
    sink = sink_of(server, "local3")
    sink.write([LogLine(0.0, logging.WARNING, "text", "x"), LogLine(0.0, logging.INFO, "two", "x")])
    entry = server.recv(65536).decode().splitlines()
    assert entry[:5] == [
        *("MESSAGE=text", "PRIORITY=4", "SYSLOG_FACILITY=19", "SYSLOG_IDENTIFIER=ldirectord"),
        f"SYSLOG_PID={os.getpid()}",
    ]
    assert server.recv(65536).startswith(b"MESSAGE=two\nPRIORITY=6\n")
    sink.close()


@pytest.mark.difference("A log that the journal of systemd collects: standard output, syslog")
def test_a_standard_output_that_is_the_journals_is_replaced_by_entries(
    server: socket.socket, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    stdout_is_journal(monkeypatch)
    monkeypatch.setattr(JournalSink, "__init__", _with_path(server))
    with open_log(Globals(supervised=True, logformat=LogFormat.JSON), "web"):
        log(FELL)
    entry = server.recv(65536).decode()
    assert "MESSAGE=Real server 10.1.0.1:80 (tcp:10.0.0.1:80) is down: refused\n" in entry
    assert "LDIRECTORD_REAL=10.1.0.1:80\n" in entry
    assert capfd.readouterr() == ("", "")


def _with_path(server: socket.socket):  # type: ignore[no-untyped-def]
    original = JournalSink.__init__

    def init(self: JournalSink, instance: str, facility: str = "daemon") -> None:
        original(self, instance, facility, server.getsockname())

    return init


def test_another_standard_output_stays(server: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOURNAL_STREAM", "1:2")
    assert sink_for(Globals(supervised=True), "web") == StreamSink(instance="web")
    monkeypatch.delenv("JOURNAL_STREAM")
    assert not is_journal(1)
    assert not is_journal(-1)


def test_a_journal_without_its_socket_is_a_stream(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stdout_is_journal(monkeypatch)
    monkeypatch.setattr(journal, "JOURNAL_SOCKET", str(tmp_path / "missing"))
    assert sink_for(Globals(supervised=True), "web") == StreamSink(instance="web")


def test_syslog_is_the_journal_where_it_takes_syslog(
    server: socket.socket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "dev-log"
    (tmp_path / "log").symlink_to(target)
    monkeypatch.setattr(journal, "SYSLOG_SOCKET", str(tmp_path / "log"))
    monkeypatch.setattr(journal, "SYSLOG_OF_JOURNAL", str(target))
    assert sink_for(Globals(logfile="local3"), "web") == JournalSink("web", "local3")
    monkeypatch.setattr(journal, "SYSLOG_OF_JOURNAL", "/elsewhere")
    assert sink_for(Globals(logfile="local3"), "web") == SyslogSink("local3", instance="web")


def test_a_restarted_journal_loses_no_entry(server: socket.socket) -> None:
    path = Path(server.getsockname())
    sink = sink_of(server)
    sink.write([LogLine(0.0, 20, "one")])
    path.unlink()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as second:
        second.bind(str(path))
        second.settimeout(5)
        server.close()
        sink.write([LogLine(0.0, 20, "two")])
        assert second.recv(65536).startswith(b"MESSAGE=two\n")
    sink.close()


def test_an_entry_that_is_too_large_loses_its_fields(server: socket.socket) -> None:
    sink = sink_of(server)
    sink.write([LogLine(0.0, 20, "first")])
    assert sink._socket is not None
    sink._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)  # the kernel's least: some 4 kB
    huge = verdict_on(WEB, FELL.real, FELL.transition, "x" * 8000)
    sink.write([LogLine(0.0, 20, "second", "x", huge)])
    server.recv(65536)
    entry = server.recv(65536)
    assert entry.startswith(b"MESSAGE=second\n")
    assert b"LDIRECTORD_REASON" not in entry
    sink.close()


def test_a_journal_that_hangs_raises_after_its_timeout(server: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "SEND_TIMEOUT", 0.1)
    sink = sink_of(server)
    began = time.monotonic()
    with pytest.raises(OSError, match="timed out"):
        sink.write([LogLine(0.0, 20, "x" * 8000)] * 10_000)
    assert time.monotonic() - began < 5
    sink.close()


def test_a_journal_that_is_gone_leaves_the_lines_on_standard_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "socket").touch()
    monkeypatch.setattr(journal, "JOURNAL_SOCKET", str(tmp_path / "socket"))
    stdout_is_journal(monkeypatch)
    with open_log(Globals(supervised=True), "web") as opened:
        opened._sink.path = str(tmp_path / "socket")  # type: ignore[attr-defined]
        logging.getLogger("ldirectord_py.x").info("text")
    out, err = capfd.readouterr()
    assert out == ""
    assert err.splitlines()[-1] == "ldirectord: text"
    assert "cannot write the log" in err
