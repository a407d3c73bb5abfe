"""``reload`` says what came of the file, over the control socket of a real daemon."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ldirectord_py.cli import main, reload

WEB = "virtual = 192.0.2.1:80\n    real = 127.0.0.1:8080 masq 2\n    checktype = on\n"
BAD = "virtual = 192.0.2.1:80\n    real = 127.0.0.1:8080 mask\n    sheduler = rr\n"
KEPT = "the old configuration was kept: "


class Running:
    """A daemon on a table in memory."""

    def __init__(self, path: Path, daemon: subprocess.Popen[str]) -> None:
        self.path = path
        self.daemon = daemon

    def write(self, text: str) -> None:
        self.path.write_text(f'logfile = "{self.path.parent}/log"\n{text}')

    def reload(self, *words: str) -> int:
        return main([str(self.path), "reload", *words])

    @property
    def log(self) -> str:
        return (self.path.parent / "log").read_text()


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.fixture
def running(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Running]:
    monkeypatch.setenv("LDIRECTORD_RUNDIR", str(tmp_path))
    path = tmp_path / "web.cf"
    path.write_text(f'logfile = "{tmp_path}/log"\n{WEB}')
    command = [sys.executable, "-m", "ldirectord_py", str(path), "run", "--memory-kernel"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as daemon:
        assert daemon.stdout
        daemon.stdout.readline()
        daemon.stdout.readline()
        until((tmp_path / "ldirectord.web.cf.sock").is_socket)
        yield Running(path, daemon)
        daemon.terminate()


@pytest.mark.difference("The exit status of `reload`")
@pytest.mark.parametrize("words", [(), ("--wait",)])
def test_a_good_file_is_0_when_it_is_in_force(
    running: Running, words: tuple[str, ...], capfd: pytest.CaptureFixture[str]
) -> None:
    running.write(WEB.replace("masq 2", "masq 3"))
    assert running.reload(*words) == 0
    assert running.daemon.stdout
    assert running.daemon.stdout.readline() == "ipvsadm -e -t 192.0.2.1:80 -r 127.0.0.1:8080 -m -w 3\n"
    assert capfd.readouterr() == ("", "")


@pytest.mark.difference("The exit status of `reload`")
def test_a_bad_file_is_2_with_every_error(running: Running, capfd: pytest.CaptureFixture[str]) -> None:
    running.write(BAD)
    assert running.reload() == 2
    out, err = capfd.readouterr()
    first, second, last = err.splitlines()
    assert out == ""
    assert first.startswith(f"{running.path}:3:27: ")
    assert second.startswith(f"{running.path}:4:5: ")
    assert last == f"{KEPT}{running.path} has errors"
    assert "Kept the old configuration" in running.log


def test_a_file_without_virtuals_is_2_with_the_reason(running: Running, capfd: pytest.CaptureFixture[str]) -> None:
    running.write("")
    assert running.reload() == 2
    reason = f"{running.path} has no virtual server any more; to take all of them out, stop the daemon"
    assert capfd.readouterr().err == f"{KEPT}{reason}\n"


def test_warnings_are_printed_too(running: Running, capfd: pytest.CaptureFixture[str]) -> None:
    running.write(f"{WEB}    persistent = 0\n")
    assert running.reload() == 0
    assert capfd.readouterr().err.startswith(f"{running.path}:5:18: warning: persistent=0 makes nothing persistent; ")


def test_a_daemon_that_does_not_answer_is_1(
    running: Running, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(reload, "RELOAD_TIMEOUT", 0.2)
    os.kill(running.daemon.pid, 19)
    try:
        assert running.reload() == 1
    finally:
        os.kill(running.daemon.pid, 18)
    assert capfd.readouterr().err == "the daemon has not answered in time; see its log\n"


def test_a_daemon_without_a_socket_is_signalled(running: Running, capfd: pytest.CaptureFixture[str]) -> None:
    socket_file = running.path.parent / "ldirectord.web.cf.sock"
    socket_file.rename(running.path.parent / "moved")
    running.write(WEB.replace("masq 2", "masq 3"))
    assert running.reload() == 0
    assert capfd.readouterr().err == ""
    until(lambda: "Reloading" in running.log)
    assert running.reload("--wait") == 1
    reason = f"{socket_file}: No such file or directory"
    assert capfd.readouterr().err == f"the daemon was signalled, but cannot be asked: {reason}; see its log\n"
