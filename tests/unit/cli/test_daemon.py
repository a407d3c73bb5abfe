"""The commands that start, stop and query the daemon, with real processes and a fake director."""

from __future__ import annotations

import os
import signal
import socket
from pathlib import Path
from subprocess import Popen
from typing import Protocol

import pytest

from harness.processes import is_running
from harness.waiting import wait_for


class Box(Protocol):
    """See conftest.py."""

    config: Path
    log: Path
    pid_file: Path
    folder: Path
    last_event: str
    pid: int

    def behave(self, how: str) -> None: ...
    def resolve(self) -> None: ...
    def run(self, *words: str) -> tuple[int, str, str]: ...
    def run_words(self, *words: str) -> tuple[int, str, str]: ...
    def begin(self, *words: str, **more: str) -> Popen[str]: ...
    def log_texts(self) -> list[str]: ...


pytestmark = pytest.mark.slow

NOTHING = (0, "", "")
BROKEN = "virtual = 192.0.2.1:80\n        bogus = 1\n"


def stopped(box: Box) -> str:
    return f"ldirectord is stopped for {box.config}\n"


def test_while_nothing_runs(box: Box) -> None:
    assert (3, stopped(box), "") == box.run("status")
    assert (1, "", stopped(box)) == box.run("reload")
    assert (1, "", stopped(box)) == box.run("force-reload")
    assert box.run("stop") == NOTHING
    assert box.run("try-restart") == NOTHING


def test_start_detaches_and_ends_when_the_daemon_is_ready(box: Box) -> None:
    assert box.run("start") == NOTHING
    assert (0, "", f"ldirectord for {box.config} is running with pid: {box.pid}\n") == box.run("status")
    wait_for(lambda: box.last_event == f"uvloop {box.config} 1")
    assert os.getsid(box.pid) not in {os.getsid(0), box.pid}


def test_the_daemon_logs_its_start_as_the_original_does(box: Box) -> None:
    box.run("start")
    wait_for(lambda: box.log.exists() and box.log.read_text().endswith("\n"))
    [line] = box.log.read_text().splitlines()
    assert f"|web.cf|{box.pid}] Starting Linux Director ldirectord-py " in line
    assert line.endswith(" as daemon")


def test_a_start_while_it_runs_is_0_and_leaves_it(box: Box) -> None:
    box.run("start")
    pid = box.pid
    assert box.run("start") == NOTHING
    assert pid == box.pid


def test_a_start_that_fails_says_why_and_leaves_nothing(box: Box) -> None:
    box.behave("fails")
    assert box.run("start") == (1, "", "no IPVS in this kernel; load ip_vs\n")
    assert (3, stopped(box), "") == box.run("status")
    assert box.log_texts()[1:] == ["Linux Director Daemon failed: no IPVS in this kernel; load ip_vs"]


def test_reload_signals_the_daemon(box: Box) -> None:
    box.run("start")
    assert box.run("reload") == NOTHING
    wait_for(lambda: box.last_event == "reload")


def test_stop_ends_when_the_daemon_is_gone(box: Box) -> None:
    box.run("start")
    pid = box.pid
    assert box.run("stop") == NOTHING
    assert not is_running(pid)
    assert (3, stopped(box), "") == box.run("status")


def test_restart_and_try_restart_begin_a_new_daemon(box: Box) -> None:
    pids = []
    for command in ("restart", "restart", "try-restart"):
        assert box.run(command) == NOTHING
        pids.append(box.pid)
    assert len(set(pids)) == 3


def test_a_killed_daemon_leaves_a_stale_pid_file(box: Box) -> None:
    box.run("start")
    os.kill(box.pid, signal.SIGKILL)
    stale = f"ldirectord stale pid file {box.pid_file} for {box.config}\n"
    wait_for(lambda: box.run("status")[0] != 0)
    assert (1, stopped(box), stale) == box.run("status")
    assert box.run("stop") == NOTHING
    assert (3, stopped(box), "") == box.run("status")


def test_a_start_takes_over_a_stale_pid_file(box: Box) -> None:
    box.pid_file.write_text("999999\n")
    assert box.run("start") == NOTHING
    assert box.run("status")[0] == 0


def test_a_running_daemon_is_controlled_without_a_valid_config(box: Box) -> None:
    """The original deletes the running daemon's pid file then."""
    box.run("start")
    pid = box.pid
    box.config.write_text(BROKEN)
    assert (0, "", f"ldirectord for {box.config} is running with pid: {pid}\n") == box.run("status")
    assert box.run("reload") == NOTHING
    assert box.run("restart")[0] == 2
    assert pid == box.pid
    box.config.unlink()
    assert box.run("status")[0] == 0
    assert box.run("stop") == NOTHING
    assert not box.pid_file.exists()


def test_an_invalid_config_is_2_where_it_is_needed(box: Box) -> None:
    box.config.write_text(BROKEN)
    for command in ("start", "restart", "run", "check", "dump", "status"):
        status, out, err = box.run(command)
        assert (command, 2, "") == (command, status, out)
        assert f"{box.config}:2:" in err
    for command in ("stop", "try-restart"):
        assert box.run(command) == NOTHING
    assert not box.pid_file.exists()


def test_run_stays_in_the_foreground_and_can_be_controlled(box: Box) -> None:
    daemon = box.begin(str(box.config), "run")
    wait_for(box.pid_file.exists)
    assert daemon.pid == box.pid
    wait_for(lambda: box.run("reload") == NOTHING and box.last_event == "reload")
    assert box.run("stop") == NOTHING
    assert daemon.communicate(timeout=30) == ("", "")
    assert daemon.returncode == 0
    assert not box.pid_file.exists()


def test_a_second_run_is_refused(box: Box) -> None:
    box.run("start")
    assert box.run("run") == (1, "", "ldirectord web.cf runs already\n")


def test_run_notifies_systemd(box: Box) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(box.folder / "notify"))
        manager.settimeout(30)
        daemon = box.begin(str(box.config), "run", NOTIFY_SOCKET=str(box.folder / "notify"))
        assert f"READY=1\nMAINPID={daemon.pid}\nSTATUS=up" == manager.recv(4096).decode()
        daemon.terminate()
        assert manager.recv(4096) == b"STOPPING=1"


def test_a_signal_before_the_daemon_listens_ends_it_in_order(box: Box) -> None:
    daemon = box.begin(str(box.config), "run")
    wait_for(box.pid_file.exists)
    daemon.send_signal(signal.SIGHUP)
    daemon.terminate()
    daemon.communicate(timeout=30)
    assert daemon.returncode == 0
    assert not box.pid_file.exists()


def test_a_reload_before_the_daemon_listens_is_not_lost(box: Box) -> None:
    box.behave("dawdles")
    daemon = box.begin(str(box.config), "run")
    wait_for(box.pid_file.exists)
    daemon.send_signal(signal.SIGHUP)
    wait_for(lambda: box.last_event == "reload")
    assert box.run("stop") == NOTHING


@pytest.mark.parametrize("command", ["run", "start", "restart"])
def test_a_reload_while_the_configuration_is_loaded_is_not_fatal_nor_lost(box: Box, command: str) -> None:
    box.config.write_text(box.config.read_text().replace("127.0.0.2", "web2.example.com"))
    begun = box.begin(str(box.config), command)
    wait_for(lambda: box.last_event == "looking up")
    begun.send_signal(signal.SIGHUP)
    box.resolve()
    wait_for(lambda: box.last_event == "reload")
    assert box.run("stop") == NOTHING


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGTERM, -signal.SIGTERM), (signal.SIGINT, 130), (signal.SIGQUIT, 130)]
)
@pytest.mark.parametrize("command", ["run", "start"])
def test_a_stop_while_the_configuration_is_loaded_ends_at_once(
    box: Box, command: str, number: int, status: int
) -> None:
    box.config.write_text(box.config.read_text().replace("127.0.0.2", "web2.example.com"))
    begun = box.begin(str(box.config), command)
    wait_for(lambda: box.last_event == "looking up")
    begun.send_signal(number)
    assert begun.communicate(timeout=8) == ("", "")  # the look-up may take ten
    assert begun.returncode == status
    assert not box.pid_file.exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT])
def test_every_signal_to_stop_that_comes_before_the_daemon_listens_stops_it_in_order(box: Box, number: int) -> None:
    box.behave("dawdles")
    daemon = box.begin(str(box.config), "run")
    wait_for(box.pid_file.exists)
    daemon.send_signal(number)
    assert daemon.wait(30) == 0
    assert not box.pid_file.exists()


def test_no_signal_interrupts_the_end(box: Box) -> None:
    daemon = box.begin(str(box.config), "run")
    wait_for(lambda: box.last_event.startswith("uvloop"))
    daemon.terminate()
    while daemon.poll() is None:
        daemon.send_signal(signal.SIGHUP)
        daemon.send_signal(signal.SIGINT)
    assert daemon.returncode == 0
    assert not box.pid_file.exists()


def test_debug_stays_in_the_foreground_and_logs_to_the_standard_output(box: Box) -> None:
    daemon = box.begin("-d", str(box.config), "start")
    assert daemon.stdout
    line = daemon.stdout.readline()
    assert line.endswith(f" with pid: {daemon.pid}\n")
    assert "] Starting Linux Director" in line
    wait_for(box.pid_file.exists)
    daemon.terminate()
    assert not box.log.exists()


def test_supervised_stays_in_the_foreground_and_logs_to_the_standard_output(box: Box) -> None:
    box.config.write_text("supervised = yes\n" + box.config.read_text())
    daemon = box.begin(str(box.config), "start")
    assert daemon.stdout
    assert daemon.stdout.readline().endswith(f" with pid: {daemon.pid}\n")
    daemon.terminate()


def test_warnings_are_printed_and_logged_and_start_goes_on(box: Box) -> None:
    box.config.write_text(box.config.read_text().replace('"', ""))
    status, out, err = box.run("start")
    assert (status, out) == (0, "")
    wait_for(lambda: len(box.log_texts()) > 1)
    assert err.splitlines() == box.log_texts()[1:]


def test_what_comes_after_an_originals_command_is_ignored(box: Box) -> None:
    assert box.run("status", "extra")[0] == 3


def test_start_prints_that_the_log_cannot_be_written(box: Box) -> None:
    box.config.write_text(box.config.read_text().replace(str(box.log), f"{box.log}/missing"))
    box.log.write_text("a file, no folder")
    status, out, err = box.run("start")
    assert (status, out) == (0, "")
    reason = f"[Errno 20] Not a directory: '{box.log}/missing'"
    assert f"cannot write the log: {reason}; the daemon goes on and keeps trying\n" == err
    assert box.run("status")[0] == 0


def test_of_many_starts_at_once_one_daemon_comes(box: Box) -> None:
    starts = [box.begin(str(box.config), "start") for _ in range(8)]
    assert [start.communicate(timeout=60) for start in starts] == [("", "")] * 8
    assert [start.returncode for start in starts] == [0] * 8
    assert len(box.log_texts()) == 1


def test_a_name_that_is_no_text_can_be_printed(box: Box) -> None:
    name = os.fsdecode(b"caf\xe9.cf")
    (box.folder / name).write_bytes(box.config.read_bytes())
    status, out, err = box.run_words(f"{box.folder}/{name}", "status")
    assert (3, f"ldirectord is stopped for {box.folder}/caf\\xe9.cf\n", "") == (status, out, err)


def test_a_log_that_nobody_reads_does_not_block_the_daemon(box: Box) -> None:
    box.behave("chatters")
    daemon = box.begin("-d", str(box.config), "run")
    wait_for(lambda: box.last_event.startswith("uvloop"))
    assert box.run("reload") == NOTHING
    wait_for(lambda: box.last_event == "reload")
    daemon.terminate()
    assert daemon.wait(30) == 0
    assert not box.pid_file.exists()
