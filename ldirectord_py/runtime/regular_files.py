"""Reads files that others name: a FIFO would be waited for, and a device has no end."""

from __future__ import annotations

import os
import stat


class NotRegularFileError(OSError):
    """A path names a FIFO or a device."""


def read_regular_file(path: str, limit: int) -> bytes:
    """Return the first ``limit`` bytes of a file.

    Raises OSError, NotRegularFileError for what is no file, and ValueError for a NUL in the path.
    """
    with open(path, "rb", opener=_open_at_once) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise NotRegularFileError("it is no regular file")
        return file.read(limit)


def _open_at_once(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)
