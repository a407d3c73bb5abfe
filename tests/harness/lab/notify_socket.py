"""What a daemon tells its supervisor: the socket of ``NOTIFY_SOCKET``."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path


class NotifySocket:
    """The end at which the notices of a daemon arrive; ``path`` is what NOTIFY_SOCKET names."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))

    def close(self) -> None:
        """Let go of the socket."""
        self._socket.close()

    def drain(self) -> None:
        """Forget notices of before: they are not the answer to what comes now, and a full queue would drop it."""
        self._socket.setblocking(False)
        with suppress(BlockingIOError):
            while self._socket.recv(4096):
                pass

    def ready(self, within: float, lives: Callable[[], bool]) -> bool:
        """Wait for READY=1 while the daemon lives; return whether it came."""
        began = time.monotonic()
        self._socket.settimeout(0.1)
        while time.monotonic() - began < within and lives():
            with suppress(TimeoutError):
                if b"READY=1" in self._socket.recv(4096).splitlines():
                    return True
        return False
