"""Messages to systemd, on a socket of the test."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from ldirectord_py.instance.sd_notify import SdNotify, pop_from


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(str(tmp_path / "notify"))
        sock.settimeout(5)
        yield sock


@pytest.fixture
def notify(manager: socket.socket) -> SdNotify:
    return pop_from({"NOTIFY_SOCKET": manager.getsockname()})


def test_ready_names_the_main_process_and_the_status(manager: socket.socket, notify: SdNotify) -> None:
    assert notify.ready("2 of 3 real servers are up")
    expected = f"READY=1\nMAINPID={os.getpid()}\nSTATUS=2 of 3 real servers are up"
    assert expected == manager.recv(4096).decode()


def test_reloading_has_the_monotonic_time_in_microseconds(
    manager: socket.socket, notify: SdNotify, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.monotonic_ns", lambda: 12_345_678_901)
    assert notify.reloading()
    assert manager.recv(4096) == b"RELOADING=1\nMONOTONIC_USEC=12345678"


def test_stopping_status_and_alive(manager: socket.socket, notify: SdNotify) -> None:
    assert notify.stopping()
    assert notify.status("one\nline")
    assert notify.reset_watchdog()
    assert [manager.recv(4096) for _ in range(3)] == [b"STOPPING=1", b"STATUS=one line", b"WATCHDOG=1"]


def test_an_abstract_socket() -> None:
    name = f"ldirectord-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(f"\0{name}")
        manager.settimeout(5)
        assert pop_from({"NOTIFY_SOCKET": f"@{name}"}).stopping()
        assert manager.recv(4096) == b"STOPPING=1"


@pytest.mark.parametrize("environ", [{}, {"NOTIFY_SOCKET": ""}, {"NOTIFY_SOCKET": "vsock:2:1234"}])
def test_nothing_is_sent_without_a_service_manager(environ: dict[str, str]) -> None:
    assert SdNotify() == pop_from(environ)
    assert not SdNotify().ready("unheard")


def test_a_service_manager_that_has_ended_is_no_error(tmp_path: Path) -> None:
    assert not pop_from({"NOTIFY_SOCKET": str(tmp_path / "gone")}).ready()


def test_a_full_socket_does_not_block(manager: socket.socket, notify: SdNotify) -> None:
    assert any(not notify.reset_watchdog() for _ in range(100_000))


def test_the_variables_are_removed_from_the_environment() -> None:
    environ = {
        "NOTIFY_SOCKET": "/n",
        "WATCHDOG_USEC": "30000000",
        "WATCHDOG_PID": str(os.getpid()),
        "HOME": "/",
    }
    assert SdNotify("/n", 30.0) == pop_from(environ)
    assert environ == {"HOME": "/"}


@pytest.mark.parametrize(
    ("usec", "pid", "expected"),
    [
        ("30000000", None, 30.0),
        ("30000000", "1", None),  # meant for another process
        ("0", None, None),
        ("soon", None, None),
    ],
)
def test_the_watchdog(usec: str, pid: str | None, expected: float | None) -> None:
    environ = {"NOTIFY_SOCKET": "/n", "WATCHDOG_USEC": usec, **({"WATCHDOG_PID": pid} if pid else {})}
    assert expected == pop_from(environ).watchdog
