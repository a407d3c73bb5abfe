"""Writing lines to a descriptor, also after a write that failed in the middle of a line."""

from __future__ import annotations

import os


class LineWriter:
    """Writes lines; its state: whether the last write ended in the middle of a line, as on a full disk.

    The next write then begins with a line break, so that its first line does not continue the half line.
    """

    __slots__ = ("ends_mid_line",)

    def __init__(self) -> None:
        self.ends_mid_line = False

    def write(self, descriptor: int, lines: bytes) -> None:
        """Write lines that end with a line break; raises OSError, after which some of them may have been written."""
        data = (b"\n" if self.ends_mid_line else b"") + lines
        left = memoryview(data)
        try:
            while left:
                left = left[os.write(descriptor, left) :]
        finally:
            if written := len(data) - len(left):
                self.ends_mid_line = data[written - 1] != ord("\n")
