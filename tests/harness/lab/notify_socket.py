"""The socket of ``NOTIFY_SOCKET``, on which a daemon notifies its supervisor."""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from harness.waiting import Patience


class NotifySocket:
    """Receives the notifications of a daemon; ``path`` is the value of NOTIFY_SOCKET."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        path.chmod(0o666)  # for daemons that are not root

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def drain(self) -> None:
        """Discard old notifications, so that they are not taken for new ones and do not fill the queue."""
        self._socket.setblocking(False)
        with suppress(BlockingIOError):
            while self._socket.recv(4096):
                pass

    def ready(self, within: float, lives: Callable[[], bool]) -> bool:
        """Wait for READY=1 while the daemon lives and this host runs; return whether it came."""
        patience = Patience(within)
        self._socket.settimeout(0.1)
        while not patience.is_over and lives():
            with suppress(TimeoutError):
                if b"READY=1" in self._socket.recv(4096).splitlines():
                    return True
        return False
