"""The page of a whole daemon: by a process without privileges, which is replaced, moved and ended."""

from __future__ import annotations

import os
import pwd
import signal
import socket
import time
from pathlib import Path

import pytest

from harness.page_daemon import PageDaemon, free_port, page_daemon
from harness.processes import is_running

pytestmark = pytest.mark.slow  # whole daemons

SITE = "virtual=192.0.2.1:80\n    real=127.0.0.1:9 masq\n    checktype=on\n"
WELL = "1 of 1 servers up"


def status_of(pid: int) -> dict[str, str]:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def reload(daemon: PageDaemon, listen: str) -> None:
    text = daemon.config.read_text().splitlines(keepends=True)
    lines = [f"{listen}\n" if line.startswith("listen=") else line for line in text]
    daemon.config.write_text("".join(lines))
    assert daemon.run("reload")[0] == 0


def wait_for_log(daemon: PageDaemon, text: str) -> None:
    until = time.monotonic() + 20
    while text not in daemon.log():
        assert time.monotonic() < until, daemon.log()
        time.sleep(0.05)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes another user")
def test_the_process_has_no_privileges(tmp_path: Path) -> None:
    with page_daemon(tmp_path, SITE) as daemon:
        daemon.page_with(WELL)
        status, nobody = status_of(daemon.page_pid), pwd.getpwnam("nobody")
        assert status["Uid"].split() == [str(nobody.pw_uid)] * 4
        assert status["Gid"].split() == [str(nobody.pw_gid)] * 4
        assert status["Groups"] == ""
        for kind in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
            assert int(status[kind], 16) == 0, kind
        assert status["NoNewPrivs"] == "1"
        assert Path(f"/proc/{daemon.page_pid}/oom_score_adj").read_text() == "500\n"
        page, director = (os.getpriority(os.PRIO_PROCESS, pid) for pid in (daemon.page_pid, daemon.process.pid))
        assert page == min(19, director + 5)
        assert (
            Path(f"/proc/{daemon.page_pid}/status").stat().st_uid == 0
        )  # not dumpable: not even its own user reads it
        assert {str(each.readlink()).partition(":")[0] for each in Path(f"/proc/{daemon.page_pid}/fd").iterdir()} <= {
            *("/dev/null", "pipe", "socket", "anon_inode"),
        }


def test_a_process_that_ends_is_replaced(tmp_path: Path) -> None:
    with page_daemon(tmp_path, SITE) as daemon:
        daemon.page_with(WELL)
        first = daemon.page_pid
        os.kill(first, signal.SIGKILL)
        wait_for_log(daemon, "The process of the page was killed by signal 9; it is started again")
        daemon.page_with(WELL)
        assert daemon.page_pid != first


def test_the_process_ends_with_the_daemon_however_that_ends(tmp_path: Path) -> None:
    with page_daemon(tmp_path, SITE) as daemon:
        daemon.page_with(WELL)
        page, pid = daemon.page_pid, daemon.process.pid
        os.kill(pid, signal.SIGKILL)
        until = time.monotonic() + 10
        while is_running(page):
            assert time.monotonic() < until
            time.sleep(0.05)


def test_a_reload_moves_the_page_and_ends_it(tmp_path: Path) -> None:
    with page_daemon(tmp_path, SITE) as daemon:
        daemon.page_with(WELL)
        former, other = daemon.port, free_port()
        reload(daemon, f"listen={other}")
        daemon.page_with(WELL, other)
        with pytest.raises(ConnectionRefusedError):
            daemon.get("/", former)
        reload(daemon, f"listen=0.0.0.0:{other}")
        wait_for_log(daemon, f"The page is served at http://0.0.0.0:{other}/")
        daemon.page_with(WELL, other)
        reload(daemon, "# none")
        until = time.monotonic() + 10
        while True:
            try:
                daemon.get("/", other)
            except OSError:
                break
            assert time.monotonic() < until
            time.sleep(0.05)


def test_an_address_that_cannot_be_used_is_logged_and_the_former_one_stays(tmp_path: Path) -> None:
    with page_daemon(tmp_path, SITE) as daemon, socket.create_server(("127.0.0.1", 0)) as taken:
        daemon.page_with(WELL)
        page = daemon.page_pid
        reload(daemon, f"listen={taken.getsockname()[1]}")
        wait_for_log(daemon, f"The page cannot be served at 127.0.0.1:{taken.getsockname()[1]}: Address already in use")
        daemon.page_with(WELL)
        assert daemon.page_pid == page
        for address in ("192.0.2.77", "192.0.2.78"):
            reload(daemon, f"listen={address}:{daemon.port}")
            reason = "Cannot assign requested address"
            wait_for_log(daemon, f"The page cannot be served at {address}:{daemon.port}: {reason}")
        daemon.page_with(WELL)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes another user")
def test_a_user_that_does_not_exist_is_logged_and_the_daemon_goes_on(tmp_path: Path) -> None:
    with page_daemon(tmp_path, f"listenuser=nosuchuser\n{SITE}") as daemon:
        wait_for_log(daemon, 'ended with status 1: "there is no user nosuchuser; see listenuser"')
        assert daemon.run("show")[0] == 0


def test_a_port_in_use_at_the_start_is_no_reason_to_fail(tmp_path: Path) -> None:
    daemon = PageDaemon(tmp_path, SITE)
    with socket.create_server(("127.0.0.1", daemon.port)):
        daemon.start()
        try:
            wait_for_log(daemon, f"The page cannot be served at 127.0.0.1:{daemon.port}: Address already in use")
            assert daemon.run("show")[0] == 0
        finally:
            daemon.stop()
