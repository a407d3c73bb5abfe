from __future__ import annotations

import errno
import os
from contextlib import suppress

import pytest

from ldirectord_py.runtime.line_writer import LineWriter


class Disk:
    """What ``os.write`` does on a disk with so much room."""

    def __init__(self, room: int) -> None:
        self.room = room
        self.data = b""

    def write(self, _: int, data: memoryview) -> int:
        if not self.room:
            raise OSError(errno.ENOSPC, "full")
        taken = bytes(data[: self.room])
        self.room -= len(taken)
        self.data += taken
        return len(taken)


@pytest.mark.parametrize(
    ("room", "expected"),
    [
        (0, b"three\n"),
        (1, b"o\nthree\n"),
        (4, b"one\nthree\n"),
        (6, b"one\ntw\nthree\n"),
        (7, b"one\ntwo\nthree\n"),
        (8, b"one\ntwo\nthree\n"),
    ],
)
def test_no_line_continues_one_that_a_full_disk_cut(
    monkeypatch: pytest.MonkeyPatch, room: int, expected: bytes
) -> None:
    disk = Disk(room)
    monkeypatch.setattr(os, "write", disk.write)
    writer = LineWriter()
    with suppress(OSError):
        writer.write(1, b"one\ntwo\n")
    disk.room = 1000
    writer.write(1, b"three\n")
    assert disk.data == expected
