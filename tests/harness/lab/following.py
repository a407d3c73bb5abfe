"""A command that goes on and prints a value on each line, and what it has printed so far."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest

from harness.lab.namespace import eventually

END_TIMEOUT: Final = 60.0
"""Seconds for the command to end, in a slow machine."""


class Following:
    """The process of a command, which prints to the file ``path``."""

    def __init__(self, process: subprocess.Popen[bytes], path: Path) -> None:
        self._process = process
        self._path = path

    def lines(self) -> list[dict[str, Any]]:
        """Return the values that it has printed."""
        text = self._path.read_text()
        return [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]

    def named(self) -> list[str]:
        """Return the ``event`` of each of them."""
        return [line["event"] for line in self.lines()]

    def wait_for(self, event: str, within: float) -> None:
        """Wait until it has printed an event of this name."""
        eventually(lambda: event in self.named(), within, self._printed)

    def end(self) -> int:
        """End it as Ctrl-C does; return its exit status."""
        self._process.send_signal(signal.SIGINT)
        try:
            return self._process.wait(END_TIMEOUT)
        except subprocess.TimeoutExpired:
            pytest.fail(self._printed())

    def _printed(self) -> str:
        return self._path.read_text() + self._path.with_suffix(".errors").read_text()
