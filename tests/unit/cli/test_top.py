"""``top`` in a terminal, on a daemon that runs."""

from __future__ import annotations

import signal
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from harness.memory_daemon import MemoryDaemon, memory_daemon
from harness.terminal import Terminal, terminal
from ldirectord_py.cli import main
from ldirectord_py.cli.output.screen import ENTER, LEAVE

pytestmark = pytest.mark.slow

WEB = """\
checkinterval = 1
virtual = 192.0.2.1:80
    real = 127.0.0.2:9 masq
    checktype = connect
virtual = 192.0.2.2:80
    real = 127.0.0.3:80 masq
    checktype = on
"""


@contextmanager
def top(daemon: MemoryDaemon) -> Iterator[Terminal]:
    """Run ``top``, and kill it at the end."""
    with terminal(daemon.command("top"), daemon.environment) as shown:
        yield shown


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[MemoryDaemon]:
    with memory_daemon(tmp_path, WEB) as daemon:
        yield daemon


def test_the_servers_are_shown_opened_and_drained_and_the_terminal_is_given_back(daemon: MemoryDaemon) -> None:
    with top(daemon) as shown:
        shown.wait_for(ENTER)
        shown.wait_for("1 of 2 real servers up")
        shown.wait_for("down L4CON")
        shown.press("a")
        shown.wait_for("127.0.0.3:80")
        shown.press("\r")
        shown.wait_for("last results, the latest first")
        shown.press("\r")
        shown.press("/127.0.0.3\r")
        shown.wait_for("127.0.0.3")
        shown.press("dnew disk\r")
        shown.wait_for("drained by ")
        assert "new disk" in daemon.run("show", "--json")[1]
        shown.press("q")
        shown.wait_for(LEAVE)
        assert shown.process.wait(10) == 0
        assert termios.tcgetattr(shown.slave) == shown.before


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_gives_the_terminal_back(daemon: MemoryDaemon, number: signal.Signals) -> None:
    with top(daemon) as shown:
        shown.wait_for("real servers up")
        shown.process.send_signal(number)
        shown.wait_for(LEAVE)
        assert shown.process.wait(10) in {128 + number, 130}
        assert termios.tcgetattr(shown.slave) == shown.before


def test_a_daemon_that_is_gone_is_told_and_found_again(daemon: MemoryDaemon) -> None:
    with top(daemon) as shown:
        shown.wait_for("real servers up")
        daemon.stop()
        shown.wait_for("what is shown is")
        daemon.start()
        shown.wait_for("1 server in trouble")
        shown.press("q")
        assert shown.process.wait(10) == 0


def test_another_size_is_another_screen(daemon: MemoryDaemon) -> None:
    with top(daemon) as shown:
        shown.wait_for("q quit")
        termios.tcsetwinsize(shown.slave, (8, 30))
        shown.wait_for("\x1b[2J")
        shown.wait_for("\x1b[8;1H")


def test_without_a_terminal_it_is_a_usage_error(daemon: MemoryDaemon) -> None:
    status, text, errors = daemon.run("top")
    assert (status, text) == (255, "")
    assert errors.startswith("top: needs a terminal")


def test_without_a_daemon_the_screen_is_not_touched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LDIRECTORD_RUNDIR", str(tmp_path))
    (tmp_path / "web.cf").write_text("")
    assert main([str(tmp_path / "web.cf"), "top"]) != 0
    assert "\x1b" not in capsys.readouterr().out


def test_the_server_that_is_open_is_as_new_as_the_rest(daemon: MemoryDaemon) -> None:
    with top(daemon) as shown:
        shown.wait_for("127.0.0.2:9")
        shown.press("\r")
        shown.wait_for("last results, the latest first")
        assert daemon.run("drain", "127.0.0.2", "--why", "new disk")[0] == 0
        shown.wait_for("new disk")
        daemon.write(WEB.replace("127.0.0.2:9", "127.0.0.4:9"))
        assert daemon.run("reload")[0] == 0
        shown.wait_for("no real server")
        shown.press("q")
        assert shown.process.wait(10) == 0


def test_a_terminal_that_cannot_move_its_cursor_is_a_usage_error(daemon: MemoryDaemon) -> None:
    with terminal(daemon.command("top"), daemon.environment, name="dumb") as shown:
        assert shown.process.wait(10) == 255
        assert shown.process.stderr
        assert b"(TERM=dumb)" in shown.process.stderr.read()
