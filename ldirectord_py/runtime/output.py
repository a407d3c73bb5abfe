"""What a command prints, of bounded size, whoever else holds the pipe."""

from __future__ import annotations

import asyncio
import os

from ldirectord_py.runtime.text import printable

KEPT = 4096
"""Bytes of output that are kept, the last ones."""

LINE = 200
"""Characters of the last line that a reason has."""

ROUNDS = 16
"""Reads at most after the end, of a pipe that a grandchild may go on to fill."""

_PIECE = 65536


class Output:
    """The end of what a command prints; a pipe of ours, since who else holds it must not keep us waiting."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._read, self.write = os.pipe()
        os.set_blocking(self._read, False)
        self._kept = b""
        try:
            self._loop.add_reader(self._read, self._take)
        except BaseException:
            self.close()
            raise

    def last_line(self) -> str:
        """Return the last line printed so far that is not blank, made printable."""
        for _ in range(ROUNDS):
            if not self._take():
                break
        line = printable(self._kept.rstrip().rpartition(b"\n")[2].strip())
        return line if len(line) <= LINE else f"{line[:LINE]}..."

    def close(self) -> None:
        """Close our ends of the pipe."""
        self._loop.remove_reader(self._read)
        os.close(self._read)
        self.started()

    def started(self) -> None:
        """Close the end that is the command's now."""
        if self.write >= 0:
            os.close(self.write)
            self.write = -1

    def _take(self) -> bool:
        try:
            data = os.read(self._read, _PIECE)
        except BlockingIOError:
            return False
        if not data:
            self._loop.remove_reader(self._read)
        self._kept = data[-KEPT:] if len(data) >= KEPT else (self._kept + data)[-KEPT:]
        return bool(data)
