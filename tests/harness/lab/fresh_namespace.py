"""Moves this thread, and the programs that it starts, into a new or an existing network namespace.

What needs no program is done without one: in User-Mode Linux each costs several hundredths of a second.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import socket
import struct
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Final

_NEW_NETWORK: Final = 0x40000000
_SIOCSIFFLAGS: Final = 0x8914
_IFF_UP: Final = 1
_MS_BIND: Final = 4096
_MNT_DETACH: Final = 2


@contextmanager
def fresh_namespace() -> Iterator[None]:
    """Move this thread into a new network namespace during the block; the kernel removes it afterwards."""
    with _restored():
        _must(_libc().unshare(_NEW_NETWORK))
        _raise_loopback()
        yield


@contextmanager
def inside(namespace: Path) -> Iterator[None]:
    """Move this thread into a network namespace during the block; OSError if it does not exist."""
    with _restored(), namespace.open() as handle:
        _must(_libc().setns(handle.fileno(), _NEW_NETWORK))
        yield


def name_namespace(path: Path) -> None:
    """Make a new network namespace with ``lo`` up, of which ip(8) knows the name: the last part of ``path``."""
    _prepare(path.parent)
    path.touch()
    with fresh_namespace():
        _must(_libc().mount(b"/proc/thread-self/ns/net", bytes(path), b"none", _MS_BIND, None))


def remove_name(path: Path) -> None:
    """Remove the name of a namespace; it ends with the last process in it."""
    _must(_libc().umount2(bytes(path), _MNT_DETACH))
    path.unlink()


@cache
def _prepare(folder: Path) -> None:
    """Let ip(8) make the folder of the names, which is a mount that mount namespaces share."""
    for verb in ("add", "delete"):
        subprocess.run(["ip", "netns", verb, f"lab{os.getpid()}"], check=True, cwd="/")
    assert folder.is_dir()


def _raise_loopback() -> None:
    """Set ``lo`` of this thread's namespace up."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as some:
        fcntl.ioctl(some, _SIOCSIFFLAGS, struct.pack("16sh22x", b"lo", _IFF_UP))


@contextmanager
def _restored() -> Iterator[None]:
    with Path("/proc/thread-self/ns/net").open() as before:
        try:
            yield
        finally:
            _must(_libc().setns(before.fileno(), _NEW_NETWORK))


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _must(result: int) -> None:
    if result != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
