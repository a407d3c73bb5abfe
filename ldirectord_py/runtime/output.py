"""What a command prints, of bounded size, whoever else holds the pipe."""

from __future__ import annotations

import asyncio
import os

from ldirectord_py.runtime.text import printable

MAX_OUTPUT = 4096
"""Bytes of output that are kept, the last ones."""

MAX_LAST_LINE = 200
"""Characters of the last line that a reason has."""

MAX_READS = 16
"""Reads at most after the end, of a pipe that a grandchild may go on to fill."""

_READ_SIZE = 65536


class Output:
    """The end of what a command prints; a pipe of ours, since who else holds it must not keep us waiting."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._read, self.write = os.pipe()
        os.set_blocking(self._read, False)
        self._kept = b""
        try:
            self._loop.add_reader(self._read, self._read_available)
        except BaseException:
            self.close()
            raise

    def last_line(self) -> str:
        """Return the last line printed so far that is not blank, made printable."""
        for _ in range(MAX_READS):
            if not self._read_available():
                break
        line = printable(self._kept.rstrip().rpartition(b"\n")[2].strip())
        return line if len(line) <= MAX_LAST_LINE else f"{line[:MAX_LAST_LINE]}..."

    def close(self) -> None:
        """Close our ends of the pipe."""
        self._loop.remove_reader(self._read)
        os.close(self._read)
        self.close_write_end()

    def close_write_end(self) -> None:
        """Close the end that is the command's now."""
        if self.write >= 0:
            os.close(self.write)
            self.write = -1

    def _read_available(self) -> bool:
        try:
            data = os.read(self._read, _READ_SIZE)
        except BlockingIOError:
            return False
        if not data:
            self._loop.remove_reader(self._read)
        self._kept = data[-MAX_OUTPUT:] if len(data) >= MAX_OUTPUT else (self._kept + data)[-MAX_OUTPUT:]
        return bool(data)
