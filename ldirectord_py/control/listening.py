"""The listening Unix socket: who may connect by its permissions, and who has connected."""

from __future__ import annotations

import errno
import os
import socket
import stat
import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from ldirectord_py.control.rights import Access, Peer

BACKLOG: Final = 64
"""Connections that the kernel holds until they are accepted."""

MAX_PATH_LENGTH: Final = 107
"""Bytes of the path of a Unix socket."""

_SO_PEERGROUPS: Final = 59
_MAX_OPTION_LENGTH: Final = 1024
_CREDENTIALS = struct.Struct("3i")

_ACL: Final = "system.posix_acl_access"
_ACL_VERSION: Final = struct.pack("<I", 2)
_ACL_ENTRY = struct.Struct("<HHI")
_OWNER, _OWNING_GROUP, _GROUP, _MASK, _OTHER = 0x01, 0x04, 0x08, 0x10, 0x20
_READ_WRITE, _NOTHING, _NO_ID = 6, 0, 0xFFFFFFFF


def listening_socket(path: Path) -> socket.socket:
    """Return a socket that listens at ``path``, to which only this user and root may connect.

    The socket of a daemon that has ended is replaced. Raises OSError: EADDRINUSE if a process listens there, EEXIST if
    the file is something else.
    """
    _remove_stale(path)
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    try:
        os.fchmod(listening.fileno(), 0o600)  # Linux gives the file this mode, whatever the umask is
        with short_path(path) as name:
            listening.bind(name)
        listening.listen(BACKLOG)
    except BaseException:
        listening.close()
        raise
    return listening


def permit(path: Path, access: Access) -> None:
    """Let exactly the groups of ``access`` connect, beside this user and root; raises OSError.

    Where files have no access control lists everybody may connect, and the server refuses those without a right.
    """
    with suppress(OSError):
        os.removexattr(path, _ACL)
    path.chmod(0o600)
    if not access.gids:
        return
    try:
        os.setxattr(path, _ACL, _access_list(access.gids))
    except OSError as error:
        if error.errno != errno.ENOTSUP:
            raise
        path.chmod(0o666)


def peer_of(connected: socket.socket) -> Peer:
    """Return the process at the other end of a connection; raises OSError."""
    pid, uid, gid = _CREDENTIALS.unpack(connected.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size))
    return Peer(pid, uid, frozenset((gid, *_supplementary_groups(connected))))


@contextmanager
def short_path(path: Path) -> Iterator[str]:
    """Return a name of the socket's path that is short enough for the kernel, whatever the length of the path is."""
    if len(os.fsencode(path)) <= MAX_PATH_LENGTH:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


def _remove_stale(path: Path) -> None:
    """Remove the socket of a process that has ended."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise FileExistsError(errno.EEXIST, "it is not a socket; move it away", str(path))
    if _is_live(path):
        raise OSError(errno.EADDRINUSE, "another process listens there", str(path))
    path.unlink()


def _is_live(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK) as trial, short_path(path) as name:
        try:
            trial.connect(name)
        except ConnectionRefusedError:
            return False
        except BlockingIOError:  # its backlog is full
            return True
    return True


def _supplementary_groups(connected: socket.socket) -> Sequence[int]:
    """Return the groups of the peer, none if it has more than Python's getsockopt can read: 256."""
    try:
        packed = connected.getsockopt(socket.SOL_SOCKET, _SO_PEERGROUPS, _MAX_OPTION_LENGTH)
    except OSError as error:
        if error.errno not in (errno.ERANGE, errno.ENOPROTOOPT):
            raise
        return ()
    return struct.unpack(f"{len(packed) // 4}I", packed)


def _access_list(gids: Sequence[int]) -> bytes:
    """Return the list in which the owner and these groups may read and write, and nobody else anything."""
    entries = (
        (_OWNER, _READ_WRITE, _NO_ID),
        (_OWNING_GROUP, _NOTHING, _NO_ID),
        *((_GROUP, _READ_WRITE, gid) for gid in gids),
        (_MASK, _READ_WRITE, _NO_ID),
        (_OTHER, _NOTHING, _NO_ID),
    )
    return _ACL_VERSION + b"".join(_ACL_ENTRY.pack(*entry) for entry in entries)
