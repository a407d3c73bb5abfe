"""Lock, pid file and signals of an instance, with real processes."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ldirectord_py.errors import LdirectordError
from ldirectord_py.instance import pid_file
from ldirectord_py.instance.pid_file import AlreadyRunningError, Instance, instance

# A daemon that ends on SIGTERM, or never; it says so once it holds lock and pid file.
DAEMON = """
import os, signal, sys, time
from pathlib import Path
from ldirectord_py.instance.pid_file import Instance
stubborn = sys.argv[2] == "stubborn"
signal.signal(signal.SIGTERM, signal.SIG_IGN if stubborn else lambda *_: sys.exit(0))
signal.signal(signal.SIGHUP, lambda *_: os.write(1, b"hup\\n"))  # print is not reentrant
web = Instance("web.cf", Path(sys.argv[1]))
with web.pid_written(web.lock()):
    print("up", flush=True)
    while True:
        time.sleep(0.05)  # not pause(): a signal that comes just before it would not end it
"""
Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def web(tmp_path: Path) -> Instance:
    return Instance("web.cf", tmp_path)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    started: list[subprocess.Popen[str]] = []

    def begin(manner: str = "obedient") -> "subprocess.Popen[str]":
        command = [sys.executable, "-c", DAEMON, str(tmp_path), manner]
        daemon = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, umask=0o077)
        started.append(daemon)
        assert daemon.stdout
        assert daemon.stdout.readline() == "up\n"
        return daemon

    yield begin
    for daemon in started:
        daemon.kill()
        daemon.communicate(timeout=10)


def test_the_files_are_named_as_the_originals(web: Instance, tmp_path: Path) -> None:
    assert tmp_path / "ldirectord.web.cf.pid" == web.pid_file


def test_the_folder_is_var_run_unless_the_environment_names_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LDIRECTORD_RUNDIR", raising=False)
    assert Path("/var/run/ldirectord.a.cf.pid") == instance("a.cf").pid_file
    monkeypatch.setenv("LDIRECTORD_RUNDIR", "/elsewhere")
    assert Path("/elsewhere/ldirectord.a.cf.pid") == instance("a.cf").pid_file


def test_no_daemon_runs_at_first(web: Instance) -> None:
    assert (web.running_pid(), web.has_stale_pid_file()) == (None, False)


def test_a_daemon_is_seen_and_its_pid_file_readable_for_all(web: Instance, start: Start) -> None:
    daemon = start()
    assert daemon.pid == web.running_pid()
    assert f"{daemon.pid}\n" == web.pid_file.read_text()
    assert (web.pid_file.stat().st_mode & 0o777, web.lock_file.stat().st_mode & 0o777) == (0o644, 0o600)


def test_a_second_daemon_is_refused(web: Instance, start: Start) -> None:
    start()
    with pytest.raises(AlreadyRunningError, match=r"ldirectord web\.cf runs already"):
        web.lock()


def test_stop_ends_the_daemon_which_removes_its_pid_file(web: Instance, start: Start) -> None:
    daemon = start()
    assert web.stop(daemon.pid)
    assert daemon.wait(10) == 0
    assert (web.running_pid(), web.has_stale_pid_file()) == (None, False)


def test_a_killed_daemon_leaves_a_stale_pid_file(web: Instance, start: Start) -> None:
    daemon = start()
    daemon.kill()
    daemon.wait(10)
    assert (web.running_pid(), web.has_stale_pid_file()) == (None, True)
    web.lock().release()


def test_a_daemon_that_does_not_stop_is_killed(web: Instance, start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pid_file, "TERM_TIMEOUT", 0.1)
    daemon = start("stubborn")
    assert not web.stop(daemon.pid)
    assert daemon.wait(10) == -signal.SIGKILL
    assert (web.running_pid(), web.has_stale_pid_file()) == (None, False)


def test_reload_is_a_hangup(web: Instance, start: Start) -> None:
    daemon = start()
    web.signal_reload(daemon.pid)
    assert daemon.stdout
    assert daemon.stdout.readline() == "hup\n"


def test_a_process_that_is_merely_called_ldirectord_is_no_daemon(web: Instance) -> None:
    """The original took ``vi ldirectord.cf`` for one when the pid file named it."""
    with subprocess.Popen(["ldirectord-ish", "60"], executable="/bin/sleep") as other:
        web.pid_file.write_text(f"{other.pid}\n")
        assert (web.running_pid(), web.has_stale_pid_file()) == (None, True)
        web.lock().release()
        other.kill()


def test_a_pid_file_that_went_away_does_not_hide_the_daemon(web: Instance, start: Start) -> None:
    daemon = start()
    web.remove_pid_file()
    assert daemon.pid == web.running_pid()


def test_at_the_end_only_the_own_pid_file_is_removed(web: Instance) -> None:
    lock = web.lock()
    with web.pid_written(lock):
        web.pid_file.write_text("1\n")
    lock.release()
    assert web.pid_file.read_text() == "1\n"


def test_the_lock_outlives_who_took_it_in_the_child_that_inherited_it(web: Instance) -> None:
    lock = web.lock()
    heir = os.dup(lock.descriptor)
    lock.release()
    with pytest.raises(AlreadyRunningError):
        web.lock()
    os.close(heir)
    web.lock().release()


def test_a_lock_without_a_pid_is_waited_for_and_then_an_error(web: Instance, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pid_file, "PID_TIMEOUT", 0.05)
    lock = web.lock()
    with pytest.raises(LdirectordError, match="is locked but names no process"):
        web.running_pid()
    lock.release()


def test_status_does_not_take_the_lock_from_a_start(web: Instance, start: Start) -> None:
    """Who looks holds the lock shared for a moment; a start waits that moment out."""
    web.lock().release()
    look = subprocess.Popen(["flock", "--shared", str(web.lock_file), "sleep", "0.05"])
    assert start().pid == web.running_pid()
    look.wait(10)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become somebody else")
def test_everybody_may_ask_whether_it_runs(web: Instance, start: Start, tmp_path: Path) -> None:
    daemon = start()
    ask = (
        "import os, sys; from pathlib import Path\n"
        "from ldirectord_py.instance.pid_file import Instance\n"
        "web = Instance('web.cf', Path(sys.argv[1]))\n"
        "os.setuid(65534)\n"
        "print(web.running_pid())"
    )
    for folder in (tmp_path, *tmp_path.parents[:3]):  # pytest's own, one more under xdist
        if folder.name != "tmp":
            folder.chmod(0o755)
    answer = subprocess.run([sys.executable, "-c", ask, str(tmp_path)], capture_output=True, text=True, check=True)
    assert f"{daemon.pid}\n" == answer.stdout
