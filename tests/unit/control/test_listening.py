"""The socket's file: who may connect, and what a daemon that ended has left."""

from __future__ import annotations

import errno
import os
import socket
import stat
from pathlib import Path

import pytest

from ldirectord_py.control.listening import listening_socket, peer_of, permit, short_path
from ldirectord_py.control.rights import Access


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ldirectord.web.sock"


def test_only_this_user_may_connect_whatever_the_umask_is(path: Path) -> None:
    former = os.umask(0)
    try:
        with listening_socket(path):
            assert mode(path) == 0o600
    finally:
        os.umask(former)


def test_the_socket_of_a_daemon_that_ended_is_replaced(path: Path) -> None:
    listening_socket(path).close()
    before = path.stat().st_ino
    with listening_socket(path), socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
        assert path.stat().st_ino != before or path.exists()


@pytest.mark.parametrize("connections", [0, 100])
def test_the_socket_of_a_daemon_that_runs_is_not(path: Path, connections: int) -> None:
    with listening_socket(path) as running:
        waiting = [socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK) for _ in range(connections)]
        for each in waiting:
            each.connect_ex(str(path))
        with pytest.raises(OSError, match="another process listens there") as refused:
            listening_socket(path)
        assert refused.value.errno == errno.EADDRINUSE
        assert running.fileno() >= 0
        for each in waiting:
            each.close()


def test_a_file_that_is_no_socket_is_left_alone(path: Path) -> None:
    path.write_text("mine")
    with pytest.raises(FileExistsError, match="it is not a socket"):
        listening_socket(path)
    assert path.read_text() == "mine"


def test_a_link_is_not_followed(path: Path, tmp_path: Path) -> None:
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(FileExistsError, match="it is not a socket"):
        listening_socket(path)


def test_a_path_of_any_length_will_do(tmp_path: Path) -> None:
    folder = tmp_path / ("x" * 120)
    folder.mkdir()
    path = folder / "ldirectord.web.sock"
    with listening_socket(path) as running, socket.socket(socket.AF_UNIX) as client, short_path(path) as name:
        client.connect(name)
        running.accept()[0].close()
    assert path.is_socket()


def test_groups_get_into_the_list_of_the_file_and_out_again(path: Path) -> None:
    with listening_socket(path):
        permit(path, Access(0, frozenset({4711}), frozenset({4712})))
        assert mode(path) & 0o7707 == 0o600
        entries = os.getxattr(path, "system.posix_acl_access")[4:]
        named = {entries[at : at + 8] for at in range(0, len(entries), 8) if entries[at] == 8}
        assert named == {b"\x08\0\x06\0" + gid.to_bytes(4, "little") for gid in (4711, 4712)}
        permit(path, Access())
        assert mode(path) == 0o600
        with pytest.raises(OSError, match="No data"):
            os.getxattr(path, "system.posix_acl_access")


def test_without_such_lists_the_server_has_to_refuse(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unsupported(*_: object) -> None:
        raise OSError(errno.ENOTSUP, "not supported")

    monkeypatch.setattr(os, "setxattr", unsupported)
    with listening_socket(path):
        permit(path, Access(0, frozenset({4711})))
        assert mode(path) == 0o666
        permit(path, Access())
        assert mode(path) == 0o600


def test_other_errors_of_the_list_are_raised(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(os, "setxattr", full)
    with listening_socket(path), pytest.raises(OSError, match="full"):
        permit(path, Access(0, frozenset({4711})))


def test_the_kernel_tells_user_groups_and_process_of_a_peer() -> None:
    one, other = socket.socketpair()
    with one, other:
        peer = peer_of(one)
    assert (peer.pid, peer.uid) == (os.getpid(), os.geteuid())
    assert peer.gids == {os.getegid(), *os.getgroups()}


def test_a_peer_of_more_groups_than_can_be_read_has_its_first_one(monkeypatch: pytest.MonkeyPatch) -> None:
    class Crowded(socket.socket):
        def getsockopt(self, level: int, option: int, length: int = 0) -> bytes:  # type: ignore[override]
            if option == 59:
                raise OSError(errno.ERANGE, "too many")
            return super().getsockopt(level, option, length)

    one, other = socket.socketpair()
    with other, Crowded(fileno=one.detach()) as crowded:
        assert peer_of(crowded).gids == {os.getegid()}


def test_a_folder_that_does_not_exist_leaves_nothing_open(tmp_path: Path) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    with pytest.raises(FileNotFoundError):
        listening_socket(tmp_path / "nowhere" / "ldirectord.web.sock")
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_other_errors_of_the_groups_are_raised() -> None:
    class Faulty(socket.socket):
        def getsockopt(self, level: int, option: int, length: int = 0) -> bytes:  # type: ignore[override]
            if option == 59:
                raise OSError(errno.ENOMEM, "no memory")
            return super().getsockopt(level, option, length)

    one, other = socket.socketpair()
    with other, Faulty(fileno=one.detach()) as faulty, pytest.raises(OSError, match="no memory"):
        peer_of(faulty)
