"""``run --memory-kernel``: the whole daemon without root, its changes on standard output."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ldirectord_py.cli import main
from ldirectord_py.cli.invocation.memory_kernel import run_folder

pytestmark = pytest.mark.slow

WEB = """\
checkinterval = 1
virtual = 192.0.2.1:80
    real = 127.0.0.1:8080 masq 2
    checktype = on
"""


@contextmanager
def running(path: Path, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """Run the daemon; it is stopped at the end, where it has not ended by itself."""
    command = [sys.executable, "-m", "ldirectord_py", str(path), "run", "--memory-kernel"]
    own = {name: value for name, value in os.environ.items() if name != "LDIRECTORD_RUNDIR"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**own, **environment}) as daemon:
        try:
            yield daemon
        finally:
            daemon.terminate()


@contextmanager
def pipe() -> Iterator[tuple[int, int]]:
    """Yield the two ends of a pipe."""
    read, write = os.pipe()
    with os.fdopen(read), os.fdopen(write, "w"):
        yield read, write


@contextmanager
def printing_to(stdout: int, path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run the daemon with this standard output, and kill it at the end."""
    command = [sys.executable, "-m", "ldirectord_py", str(path), "run", "--memory-kernel"]
    environment = {**os.environ, "LDIRECTORD_RUNDIR": str(path.parent)}
    with subprocess.Popen(command, stdout=stdout, env=environment) as daemon:
        try:
            yield daemon
        finally:
            daemon.kill()


def wait_for(text: str, log: Path) -> None:
    """Wait until the log contains a text."""
    for _ in range(200):
        if log.exists() and text in log.read_text():
            return
        time.sleep(0.1)
    raise AssertionError(f"no {text!r} in {log.read_text()}")


def lines(daemon: subprocess.Popen[str], count: int) -> list[str]:
    assert daemon.stdout
    return [daemon.stdout.readline().removesuffix("\n") for _ in range(count)]


def test_each_change_is_printed_as_a_command_and_nothing_is_left(tmp_path: Path) -> None:
    path = tmp_path / "web.cf"
    path.write_text(f'logfile = "{tmp_path / "log"}"\n{WEB}')
    with running(path, TMPDIR=str(tmp_path)) as daemon:
        assert lines(daemon, 2) == [
            "ipvsadm -A -t 192.0.2.1:80 -s wrr",
            "ipvsadm -a -t 192.0.2.1:80 -r 127.0.0.1:8080 -m -w 2",
        ]
        path.write_text(path.read_text().replace("masq 2", "masq 3"))
        daemon.send_signal(signal.SIGHUP)
        assert lines(daemon, 1) == ["ipvsadm -e -t 192.0.2.1:80 -r 127.0.0.1:8080 -m -w 3"]
        daemon.send_signal(signal.SIGTERM)
        assert lines(daemon, 2) == ["ipvsadm -D -t 192.0.2.1:80", ""]
        assert daemon.wait(20) == 0
    assert sorted(each.name for each in tmp_path.iterdir()) == ["log", "web.cf"]


def test_its_files_are_where_the_environment_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LDIRECTORD_RUNDIR", str(tmp_path))
    with run_folder() as folder:
        assert folder == tmp_path
    assert tmp_path.is_dir()


def test_an_unknown_option_of_run_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "web.cf"
    path.write_text(WEB)
    assert main([str(path), "run", "--memory"]) == 255
    assert "run: unrecognized arguments: --memory\n" in capsys.readouterr().err


def test_F40_a_full_pipe_delays_neither_the_daemon_nor_its_stop(tmp_path: Path) -> None:
    path, log = tmp_path / "web.cf", tmp_path / "log"
    path.write_text(f'logfile = "{log}"\n{WEB}')
    with pipe() as (_, write):
        os.set_blocking(write, False)
        while True:
            try:
                os.write(write, bytes(4096))
            except BlockingIOError:
                break
        os.set_blocking(write, True)
        with printing_to(write, path) as daemon:
            wait_for("Added real server: 127.0.0.1:8080", log)
            daemon.terminate()
            assert daemon.wait(20) == 0


def test_the_daemon_goes_on_where_its_changes_cannot_be_printed(tmp_path: Path) -> None:
    path, log = tmp_path / "web.cf", tmp_path / "log"
    path.write_text(f'logfile = "{log}"\n{WEB}')
    with Path("/dev/full").open("w") as full, printing_to(full.fileno(), path) as daemon:
        wait_for("Cannot print the changes: [Errno 28] No space left on device", log)
        daemon.terminate()
        assert daemon.wait(20) == 0
    assert log.read_text().count("Cannot print") == 1
