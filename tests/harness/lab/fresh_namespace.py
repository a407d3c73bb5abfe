"""Moves this thread, and the programs that it starts, into a new or an existing network namespace."""

from __future__ import annotations

import ctypes
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

_NEW_NETWORK: Final = 0x40000000


@contextmanager
def fresh_namespace() -> Iterator[None]:
    """Move this thread into a new network namespace during the block; the kernel removes it afterwards."""
    with _restored():
        _must(_libc().unshare(_NEW_NETWORK))
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        yield


@contextmanager
def inside(namespace: Path) -> Iterator[None]:
    """Move this thread into a network namespace during the block; OSError if it does not exist."""
    with _restored(), namespace.open() as handle:
        _must(_libc().setns(handle.fileno(), _NEW_NETWORK))
        yield


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
