"""What is no regular file is refused at once, and nothing of it stays open."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from ldirectord_py.runtime.regular_files import NotRegularFileError, read_regular_file


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_a_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "file")
    (tmp_path / "file").write_bytes(b"text")
    assert read_regular_file(str(tmp_path / "link"), 5) == b"text"
    assert read_regular_file(str(tmp_path / "link"), 3) == b"tex"


@pytest.mark.parametrize("device", ["/dev/zero", "/dev/full"])
def test_a_device_is_refused(device: str) -> None:
    before = descriptors()
    with pytest.raises(NotRegularFileError, match="no regular file"):
        read_regular_file(device, 1)
    assert descriptors() == before


def test_a_fifo_is_refused_without_waiting_for_a_writer(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    before = descriptors()
    with pytest.raises(NotRegularFileError, match="no regular file"):
        read_regular_file(str(tmp_path / "fifo"), 1)
    assert descriptors() == before


def test_others_are_refused_by_the_kernel(tmp_path: Path) -> None:
    before = descriptors()
    with pytest.raises(IsADirectoryError):
        read_regular_file(str(tmp_path), 1)
    with pytest.raises(FileNotFoundError):
        read_regular_file(str(tmp_path / "absent"), 1)
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(tmp_path / "socket"))
        with pytest.raises(OSError, match="No such device"):
            read_regular_file(str(tmp_path / "socket"), 1)
    with pytest.raises(ValueError, match="null"):
        read_regular_file("/a\0b", 1)
    assert descriptors() == before
