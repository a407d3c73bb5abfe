"""Messages between the host and a machine of the kernel tier, in files of their shared directory.

The host writes a file for each test, as the machine may see the growth of a file too late. The machine appends JSON
objects to ``reports``: first its slowness, then the reports and the end of each test.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any


class HostEnd:
    """Sends tests and receives reports."""

    def __init__(self, out: Path) -> None:
        self._out = out
        self._count = 0
        self._offset = 0
        (out / "tests").mkdir()

    def send(self, nodeid: str) -> None:
        """Send a test to the machine."""
        fresh = self._out / "test"
        fresh.write_text(nodeid)
        fresh.rename(self._out / "tests" / str(self._count))
        self._count += 1

    def receive(self) -> list[dict[str, Any]]:
        """Return the reports since the last call."""
        path = self._out / "reports"
        text = path.read_bytes()[self._offset :] if path.exists() else b""
        complete = text[: text.rfind(b"\n") + 1]
        self._offset += len(complete)
        return [json.loads(line) for line in complete.splitlines()]


class GuestEnd:
    """Receives tests and sends reports."""

    def __init__(self, out: Path) -> None:
        self._out = out
        self._received: list[str] = []

    def tests(self) -> Sequence[str]:
        """Return all tests that the host has sent so far."""
        while (path := self._out / "tests" / str(len(self._received))).exists():
            self._received.append(path.read_text())
        return self._received

    def send(self, **data: Any) -> None:
        """Send an object to the host."""
        with (self._out / "reports").open("a") as file:
            file.write(json.dumps(data, default=str) + "\n")
