"""What the host and a machine of the kernel tier tell each other, in files of the directory that they share.

The host hands out tests one by one (a file for each, as a file that grows may be seen too late over there); the
machine appends JSON objects to ``reports``: first its slowness, then each test's reports and its end.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any


class HostEnd:
    """The host's end."""

    def __init__(self, out: Path) -> None:
        self._out = out
        self._count = 0
        self._offset = 0
        (out / "turns").mkdir()

    def give(self, nodeid: str) -> None:
        """Hand out a test."""
        fresh = self._out / "turn"
        fresh.write_text(nodeid)
        fresh.rename(self._out / "turns" / str(self._count))
        self._count += 1

    def told(self) -> list[dict[str, Any]]:
        """Return what the machine has told since the last call."""
        path = self._out / "reports"
        text = path.read_bytes()[self._offset :] if path.exists() else b""
        complete = text[: text.rfind(b"\n") + 1]
        self._offset += len(complete)
        return [json.loads(line) for line in complete.splitlines()]


class GuestEnd:
    """The machine's end."""

    def __init__(self, out: Path) -> None:
        self._out = out
        self._given: list[str] = []

    def turns(self) -> Sequence[str]:
        """Return all tests that were handed out so far."""
        while (path := self._out / "turns" / str(len(self._given))).exists():
            self._given.append(path.read_text())
        return self._given

    def tell(self, **data: Any) -> None:
        """Append an object to the reports."""
        with (self._out / "reports").open("a") as file:
            file.write(json.dumps(data, default=str) + "\n")
