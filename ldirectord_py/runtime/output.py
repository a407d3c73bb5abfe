"""The output of a command, limited in size; processes that inherit the pipe do not delay its reader."""

from __future__ import annotations

import asyncio
import os

from ldirectord_py.runtime.text import printable

MAX_OUTPUT = 4096
"""Bytes of output that are kept: the last ones."""

MAX_LAST_LINE = 200
"""Characters of the last line in a reason."""

MAX_READS = 16
"""Reads after the end of the command: a grandchild may still write."""

_READ_SIZE = 65536


class Output:
    """A pipe for the output of a command, of which the end is kept. Raises OSError."""

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

    def kept(self) -> bytes:
        """Return the last MAX_OUTPUT bytes printed so far."""
        for _ in range(MAX_READS):
            if not self._read_available():
                break
        return self._kept

    def last_line(self) -> str:
        """Return the last line printed so far that is not blank, made printable."""
        line = printable(self.kept().rstrip().rpartition(b"\n")[2].strip())
        return line if len(line) <= MAX_LAST_LINE else f"{line[:MAX_LAST_LINE]}..."

    def close(self) -> None:
        """Close both ends of the pipe in this process."""
        self._loop.remove_reader(self._read)
        os.close(self._read)
        self.close_write_end()

    def close_write_end(self) -> None:
        """Close the end of the command, once it has been started."""
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
