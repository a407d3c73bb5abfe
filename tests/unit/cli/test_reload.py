"""``reload`` says what came of the file, over the control socket of a real daemon."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.memory_daemon import MemoryDaemon, memory_daemon
from harness.waiting import wait_for
from ldirectord_py.cli import main, reload
from ldirectord_py.control.client import ControlClient
from ldirectord_py.control.protocol import Code, RequestError

WEB = "virtual = 192.0.2.1:80\n    real = 127.0.0.1:8080 masq 2\n    checktype = on\n"
BAD = "virtual = 192.0.2.1:80\n    real = 127.0.0.1:8080 mask\n    sheduler = rr\n"
KEPT = "the old configuration was kept: "


@pytest.fixture(scope="module")
def shared_daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MemoryDaemon]:
    with memory_daemon(tmp_path_factory.mktemp("daemon"), WEB) as daemon:
        yield daemon


@pytest.fixture
def running(shared_daemon: MemoryDaemon) -> Iterator[MemoryDaemon]:
    """Yield a daemon on WEB, which is in force again after the test."""
    yield shared_daemon
    shared_daemon.write(WEB)
    assert shared_daemon.run_here("reload").status == 0


@pytest.mark.difference("The exit status of `reload`")
@pytest.mark.parametrize("words", [(), ("--wait",)])
def test_a_good_file_is_0_when_it_is_in_force(running: MemoryDaemon, words: tuple[str, ...]) -> None:
    running.write(WEB.replace("masq 2", "masq 3"))
    assert running.run_here("reload", *words) == (0, "", "")
    assert running.process.stdout
    assert "ipvsadm -e -t 192.0.2.1:80 -r 127.0.0.1:8080 -m -w 3\n" in iter(running.process.stdout.readline, "")


@pytest.mark.difference("The exit status of `reload`")
def test_a_bad_file_is_2_with_every_error(running: MemoryDaemon) -> None:
    running.write(BAD)
    status, text, errors = running.run_here("reload")
    first, second, last = errors.splitlines()
    assert (status, text) == (2, "")
    assert first.startswith(f"{running.config}:3:27: ")
    assert second.startswith(f"{running.config}:4:5: ")
    assert last == f"{KEPT}{running.config} has errors"
    wait_for(lambda: "Kept the old configuration" in running.log())


def test_a_file_without_virtuals_is_2_and_why(running: MemoryDaemon) -> None:
    running.write("")
    reason = f"{running.config} has no virtual server any more; to take all of them out, stop the daemon"
    assert running.run_here("reload") == (2, "", f"{KEPT}{reason}\n")


def test_warnings_are_printed_too(running: MemoryDaemon) -> None:
    running.write(f"{WEB}    persistent = 0\n")
    status, _, errors = running.run_here("reload")
    assert status == 0
    assert errors.startswith(f"{running.config}:5:18: warning: persistent=0 makes nothing persistent; ")


def test_a_daemon_that_does_not_answer_is_1(running: MemoryDaemon, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(reload, "RELOAD_TIMEOUT", 0.2)
        os.kill(running.process.pid, 19)
        try:
            done = running.run_here("reload")
        finally:
            os.kill(running.process.pid, 18)
    assert done == (1, "", "the daemon has not answered in time; see its log\n")


@pytest.mark.slow
def test_a_daemon_without_a_socket_is_signalled(tmp_path: Path) -> None:
    with memory_daemon(tmp_path, WEB) as running:
        socket_file = running.socket_file
        socket_file.rename(running.config.parent / "moved")
        running.write(WEB.replace("masq 2", "masq 3"))
        assert running.run_here("reload") == (0, "", "")
        wait_for(lambda: "Reloading" in running.log())
        status, _, errors = running.run_here("reload", "--wait")
    reason = f"{socket_file}: No such file or directory"
    assert (status, errors) == (1, f"the daemon was signalled, but cannot be asked: {reason}; see its log\n")


def test_a_stopped_daemon_is_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LDIRECTORD_RUNDIR", str(tmp_path))
    path = tmp_path / "web.cf"
    path.write_text(WEB)
    assert main([str(path), "reload"]) == 1
    assert capfd.readouterr().err == f"ldirectord is stopped for {path}\n"


def test_a_request_that_this_daemon_does_not_know_is_1(running: MemoryDaemon, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a daemon of another version may."""
    with monkeypatch.context() as patch:
        patch.setattr(ControlClient, "receive", _refuse)
        assert running.run_here("reload") == (1, "", "there is no request reload\n")


def _refuse(*_: object) -> None:
    raise RequestError(Code.UNKNOWN_REQUEST, "there is no request reload")
