"""State files on a disk: damaged, foreign, too large, unwritable."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from ldirectord_py.daemon.administration import files
from ldirectord_py.daemon.administration.files import MAX_KEPT_ASIDE, keep_aside, read_file, write_file
from ldirectord_py.saved_state import DamagedStateError, SavedState

INSTANCE = "web.cf"
STATE = SavedState({"names": {"version": 1, "addresses": {"web1": "10.1.0.1"}}})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ldirectord" / f"{INSTANCE}.json"


def test_what_is_written_is_read_and_for_its_owner_only(path: Path) -> None:
    assert read_file(path, INSTANCE) == SavedState()
    for _ in range(2):
        write_file(path, STATE, INSTANCE)
        assert read_file(path, INSTANCE) == STATE
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_a_file_that_was_left_half_written_does_not_disturb(path: Path) -> None:
    path.parent.mkdir()
    path.with_name(f"{path.name}.new").symlink_to("/dev/null")
    write_file(path, STATE, INSTANCE)
    assert read_file(path, INSTANCE) == STATE


def test_F39_a_write_that_fails_leaves_the_file_as_it_was(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_space(_: int) -> None:
        raise OSError(28, "No space left on device")

    write_file(path, STATE, INSTANCE)
    monkeypatch.setattr(os, "fsync", no_space)
    with pytest.raises(OSError, match="No space left"):
        write_file(path, SavedState(), INSTANCE)
    assert read_file(path, INSTANCE) == STATE
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_only_a_regular_file_is_read(path: Path) -> None:
    path.mkdir(parents=True)
    with pytest.raises(DamagedStateError, match="no regular file"):
        read_file(path, INSTANCE)
    path.rmdir()
    os.mkfifo(path)
    with pytest.raises(DamagedStateError, match="no regular file"):
        read_file(path, INSTANCE)
    path.unlink()
    path.symlink_to("/etc/passwd")
    with pytest.raises(DamagedStateError, match="symbolic link"):
        read_file(path, INSTANCE)


def test_a_file_of_another_user_is_not_read(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_file(path, STATE, INSTANCE)
    status = os.stat_result((stat.S_IFREG | 0o600, 1, 1, 1, 1234, 0, 10, 0, 0, 0))
    monkeypatch.setattr(os, "fstat", lambda _: status)
    with pytest.raises(DamagedStateError, match="belongs to the user 1234"):
        read_file(path, INSTANCE)


def test_other_errors_are_raised(path: Path) -> None:
    path.parent.write_text("")
    with pytest.raises(NotADirectoryError):
        read_file(path, INSTANCE)
    with pytest.raises(OSError, match="exists"):
        write_file(path, STATE, INSTANCE)


def test_a_huge_file_is_not_read(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_file(path, STATE, INSTANCE)
    monkeypatch.setattr(files, "MAX_BYTES", 20)
    with pytest.raises(DamagedStateError, match="larger than"):
        read_file(path, INSTANCE)


def test_damaged_files_are_kept_aside_and_bounded(path: Path) -> None:
    path.parent.mkdir()
    for number in range(MAX_KEPT_ASIDE + 3):
        path.write_text(str(number))
        place = keep_aside(path)
        assert (place.read_text(), path.exists()) == (str(number), False)
    assert len(list(path.parent.iterdir())) == MAX_KEPT_ASIDE
    path.write_text("copied")
    assert keep_aside(path, copy=True).read_text() == path.read_text() == "copied"
