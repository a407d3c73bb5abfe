"""``top`` in a terminal, on a daemon that runs."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from harness.memory_daemon import MemoryDaemon, memory_daemon
from ldirectord_py.cli import main
from ldirectord_py.cli.screen import ENTER, LEAVE

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


class Terminal:
    """A terminal in which ``top`` runs."""

    def __init__(self, daemon: MemoryDaemon) -> None:
        self.master, self.slave = pty.openpty()
        termios.tcsetwinsize(self.slave, (20, 120))
        self.before = termios.tcgetattr(self.slave)
        self.received = ""
        environment = {**daemon.environment, "TERM": "xterm", "COLUMNS": "", "LINES": ""}
        self.process = subprocess.Popen(
            daemon.command("top"), stdin=self.slave, stdout=self.slave, stderr=subprocess.PIPE, env=environment
        )

    def wait_for(self, text: str, seconds: float = 30) -> None:
        """Wait until ``top`` sends a text after what was waited for before."""
        end = time.monotonic() + seconds
        while text not in self.received:
            assert time.monotonic() < end, self.received
            if select.select([self.master], (), (), 0.1)[0]:
                self.received += os.read(self.master, 65536).decode()
        self.received = self.received.partition(text)[2]

    def press(self, text: str) -> None:
        os.write(self.master, text.encode())


@contextmanager
def top(daemon: MemoryDaemon) -> Iterator[Terminal]:
    """Run ``top``, and kill it at the end."""
    terminal = Terminal(daemon)
    with terminal.process:
        try:
            yield terminal
        finally:
            terminal.process.kill()
            os.close(terminal.master)
            os.close(terminal.slave)


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[MemoryDaemon]:
    with memory_daemon(tmp_path, WEB) as daemon:
        yield daemon


def test_the_servers_are_shown_opened_and_drained_and_the_terminal_is_given_back(daemon: MemoryDaemon) -> None:
    with top(daemon) as terminal:
        terminal.wait_for(ENTER)
        terminal.wait_for("1 of 2 real servers up")
        terminal.wait_for("down L4CON")
        terminal.press("a")
        terminal.wait_for("127.0.0.3:80")
        terminal.press("\r")
        terminal.wait_for("last results, the latest first")
        terminal.press("\r")
        terminal.press("/127.0.0.3\r")
        terminal.wait_for("127.0.0.3")
        terminal.press("dnew disk\r")
        terminal.wait_for("drain by ")
        assert "new disk" in daemon.run("show", "--json")[1]
        terminal.press("q")
        terminal.wait_for(LEAVE)
        assert terminal.process.wait(10) == 0
        assert termios.tcgetattr(terminal.slave) == terminal.before


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_gives_the_terminal_back(daemon: MemoryDaemon, number: signal.Signals) -> None:
    with top(daemon) as terminal:
        terminal.wait_for("real servers up")
        terminal.process.send_signal(number)
        terminal.wait_for(LEAVE)
        assert terminal.process.wait(10) in {128 + number, 130}
        assert termios.tcgetattr(terminal.slave) == terminal.before


def test_a_daemon_that_is_gone_is_told_and_found_again(daemon: MemoryDaemon) -> None:
    with top(daemon) as terminal:
        terminal.wait_for("real servers up")
        daemon.stop()
        terminal.wait_for("what is shown is")
        daemon.start()
        terminal.wait_for("servers in trouble")
        terminal.press("q")
        assert terminal.process.wait(10) == 0


def test_another_size_is_another_screen(daemon: MemoryDaemon) -> None:
    with top(daemon) as terminal:
        terminal.wait_for("q quit")
        termios.tcsetwinsize(terminal.slave, (8, 30))
        terminal.wait_for("\x1b[2J")
        terminal.wait_for("\x1b[8;1H")


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
