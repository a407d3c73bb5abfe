"""A network namespace for this thread, and for the programs that it starts, that has nothing in it but lo."""

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
    """Move this thread into a new network namespace for a while; the kernel takes it apart soon after."""
    libc = ctypes.CDLL(None, use_errno=True)
    with Path("/proc/thread-self/ns/net").open() as before:
        _must(libc.unshare(_NEW_NETWORK))
        try:
            subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
            yield
        finally:
            _must(libc.setns(before.fileno(), _NEW_NETWORK))


def _must(result: int) -> None:
    if result != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
