"""``reload`` says what came of the file, over the control socket of a real daemon."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.cli_daemon import WEB, CommandedDaemon, daemon_process, until
from ldirectord_py.cli import main, reload
from ldirectord_py.control.client import ControlClient
from ldirectord_py.control.protocol import Code, RequestError

BAD = "virtual = 192.0.2.1:80\n    real = 127.0.0.1:8080 mask\n    sheduler = rr\n"
KEPT = "the old configuration was kept: "


@pytest.fixture(scope="module")
def shared_daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CommandedDaemon]:
    with daemon_process(tmp_path_factory.mktemp("daemon")) as daemon:
        yield daemon


@pytest.fixture
def running(shared_daemon: CommandedDaemon) -> Iterator[CommandedDaemon]:
    """Yield a daemon on WEB, which is in force again after the test."""
    yield shared_daemon
    shared_daemon.write(WEB)
    assert shared_daemon.run("reload") == 0


@pytest.mark.difference("The exit status of `reload`")
@pytest.mark.parametrize("words", [(), ("--wait",)])
def test_a_good_file_is_0_when_it_is_in_force(
    running: CommandedDaemon, words: tuple[str, ...], capfd: pytest.CaptureFixture[str]
) -> None:
    running.write(WEB.replace("masq 2", "masq 3"))
    assert running.run("reload", *words) == 0
    assert running.process.stdout
    assert "ipvsadm -e -t 192.0.2.1:80 -r 127.0.0.1:8080 -m -w 3\n" in iter(running.process.stdout.readline, "")
    assert capfd.readouterr() == ("", "")


@pytest.mark.difference("The exit status of `reload`")
def test_a_bad_file_is_2_with_every_error(running: CommandedDaemon, capfd: pytest.CaptureFixture[str]) -> None:
    running.write(BAD)
    assert running.run("reload") == 2
    out, err = capfd.readouterr()
    first, second, last = err.splitlines()
    assert out == ""
    assert first.startswith(f"{running.path}:3:27: ")
    assert second.startswith(f"{running.path}:4:5: ")
    assert last == f"{KEPT}{running.path} has errors"
    until(lambda: "Kept the old configuration" in running.log)


def test_a_file_without_virtuals_is_2_and_why(running: CommandedDaemon, capfd: pytest.CaptureFixture[str]) -> None:
    running.write("")
    assert running.run("reload") == 2
    reason = f"{running.path} has no virtual server any more; to take all of them out, stop the daemon"
    assert capfd.readouterr().err == f"{KEPT}{reason}\n"


def test_warnings_are_printed_too(running: CommandedDaemon, capfd: pytest.CaptureFixture[str]) -> None:
    running.write(f"{WEB}    persistent = 0\n")
    assert running.run("reload") == 0
    assert capfd.readouterr().err.startswith(f"{running.path}:5:18: warning: persistent=0 makes nothing persistent; ")


def test_a_daemon_that_does_not_answer_is_1(
    running: CommandedDaemon, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(reload, "RELOAD_TIMEOUT", 0.2)
        os.kill(running.process.pid, 19)
        try:
            assert running.run("reload") == 1
        finally:
            os.kill(running.process.pid, 18)
    assert capfd.readouterr().err == "the daemon has not answered in time; see its log\n"


@pytest.mark.slow
def test_a_daemon_without_a_socket_is_signalled(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with daemon_process(tmp_path) as running:
        socket_file = running.socket_file
        socket_file.rename(running.path.parent / "moved")
        running.write(WEB.replace("masq 2", "masq 3"))
        assert running.run("reload") == 0
        assert capfd.readouterr().err == ""
        until(lambda: "Reloading" in running.log)
        assert running.run("reload", "--wait") == 1
    reason = f"{socket_file}: No such file or directory"
    assert capfd.readouterr().err == f"the daemon was signalled, but cannot be asked: {reason}; see its log\n"


def test_a_stopped_daemon_is_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LDIRECTORD_RUNDIR", str(tmp_path))
    path = tmp_path / "web.cf"
    path.write_text(WEB)
    assert main([str(path), "reload"]) == 1
    assert capfd.readouterr().err == f"ldirectord is stopped for {path}\n"


def test_a_request_that_this_daemon_does_not_know_is_1(
    running: CommandedDaemon, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """As a daemon of another version may."""
    with monkeypatch.context() as patch:
        patch.setattr(ControlClient, "receive", _refuse)
        assert running.run("reload") == 1
    assert capfd.readouterr().err == "there is no request reload\n"


def _refuse(*_: object) -> None:
    raise RequestError(Code.UNKNOWN_REQUEST, "there is no request reload")
