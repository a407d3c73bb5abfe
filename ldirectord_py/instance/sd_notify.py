"""Messages to systemd over NOTIFY_SOCKET, see sd_notify(3)."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass

from ldirectord_py.runtime.text import ESCAPED

VARIABLES = ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID")


@dataclass(frozen=True, slots=True)
class SdNotify:
    """Sends messages to the service manager; with ``address`` None it sends nothing.

    ``watchdog``: the manager ends a daemon that it did not hear from for so many seconds; None: it does not.
    """

    address: str | None = None
    watchdog: float | None = None

    def ready(self, status: str = "") -> bool:
        """Report that the daemon is ready: after its start, and after each reload."""
        return self._send("READY=1", f"MAINPID={os.getpid()}", *_status(status))

    def reloading(self) -> bool:
        """Report that a reload begins; ``ready`` ends it."""
        return self._send("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self) -> bool:
        """Report that the daemon is stopping."""
        return self._send("STOPPING=1")

    def status(self, text: str) -> bool:
        """Set the one line that ``systemctl status`` shows."""
        return self._send(*_status(text))

    def reset_watchdog(self) -> bool:
        """Reset the manager's watchdog."""
        return self._send("WATCHDOG=1")

    def _send(self, *lines: str) -> bool:
        """Return whether the message was sent; it is dropped where sending would block."""
        if self.address is None:
            return False
        message = "\n".join(lines).encode(errors=ESCAPED)
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as sock:
                sock.sendto(message, self.address)
        except OSError:
            return False
        return True


def pop_from(environ: MutableMapping[str, str]) -> SdNotify:
    """Return the SdNotify of ``environ`` and remove its variables there, so that no child can send messages."""
    notify = SdNotify(_socket_address(environ), _watchdog(environ))
    for name in VARIABLES:
        environ.pop(name, None)
    return notify


def _socket_address(environ: Mapping[str, str]) -> str | None:
    path = environ.get("NOTIFY_SOCKET", "")
    if path.startswith("@"):
        return "\0" + path[1:]
    return path if path.startswith("/") else None


def _watchdog(environ: Mapping[str, str]) -> float | None:
    pid, usec = environ.get("WATCHDOG_PID", ""), environ.get("WATCHDOG_USEC", "")
    if not usec.isdecimal() or pid not in {"", str(os.getpid())}:
        return None
    return int(usec) / 1e6 or None


def _status(text: str) -> tuple[str, ...]:
    return (f"STATUS={' '.join(text.split())}",) if text else ()
