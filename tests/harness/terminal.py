"""A terminal in which a command runs, as a person sees it."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import termios
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

SIZE = (20, 120)
"""Lines and columns."""


class Terminal:
    """A terminal, and the command in it; ``before`` is its mode before the command."""

    def __init__(
        self, command: Sequence[str], environment: Mapping[str, str], size: tuple[int, int], name: str
    ) -> None:
        self.master, self.slave = pty.openpty()
        termios.tcsetwinsize(self.slave, size)
        self.before = termios.tcgetattr(self.slave)
        self.received = ""
        own = {**environment, "TERM": name, "COLUMNS": "", "LINES": ""}
        self.process = subprocess.Popen(command, stdin=self.slave, stdout=self.slave, stderr=subprocess.PIPE, env=own)

    def wait_for(self, text: str, seconds: float = 30) -> None:
        """Wait until the command sends a text after what was waited for before."""
        end = time.monotonic() + seconds
        while text not in self.received:
            assert time.monotonic() < end, self.received
            if select.select([self.master], (), (), 0.1)[0]:
                self.received += os.read(self.master, 65536).decode()
        self.received = self.received.partition(text)[2]

    def press(self, text: str) -> None:
        """Press keys."""
        os.write(self.master, text.encode())


@contextmanager
def terminal(
    command: Sequence[str], environment: Mapping[str, str], size: tuple[int, int] = SIZE, name: str = "xterm"
) -> Iterator[Terminal]:
    """Run a command in a terminal of this size (lines, columns) and name, and kill it at the end."""
    opened = Terminal(command, environment, size, name)
    with opened.process:
        try:
            yield opened
        finally:
            opened.process.kill()
            os.close(opened.master)
            os.close(opened.slave)
