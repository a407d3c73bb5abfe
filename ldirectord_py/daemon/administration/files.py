"""Reads and writes a state file; these functions block."""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import Final

from ldirectord_py.saved_state import MAX_BYTES, DamagedStateError, SavedState, read_state

MAX_KEPT_ASIDE: Final = 9
"""Damaged files that are kept beside the state file; after that the last one is replaced."""


def read_file(path: Path, instance: str) -> SavedState:
    """Return the state in a file, an empty one where there is none.

    Raises OSError, and DamagedStateError if the file is damaged or is not this daemon's.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return SavedState()
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise DamagedStateError("it is a symbolic link") from error
        raise
    try:
        _refuse_foreign(os.fstat(descriptor))
        data = _read_all(descriptor)
    finally:
        os.close(descriptor)
    if len(data) > MAX_BYTES:
        raise DamagedStateError(f"it is larger than {MAX_BYTES // 1_000_000} MB")
    return read_state(data, instance)


def _read_all(descriptor: int) -> bytes:
    with os.fdopen(descriptor, "rb", closefd=False) as file:
        return file.read(MAX_BYTES + 1)


def _refuse_foreign(status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise DamagedStateError("it is no regular file")
    if status.st_uid not in {0, os.geteuid()}:
        raise DamagedStateError(f"it belongs to the user {status.st_uid}")


def keep_aside(path: Path, *, copy: bool = False) -> Path:
    """Move a state file that cannot be used out of the way, or copy it; return its new place. Raises OSError."""
    places = [path.with_name(f"{path.name}.damaged{number or ''}") for number in range(MAX_KEPT_ASIDE)]
    place = next((each for each in places if not os.path.lexists(each)), places[-1])
    if copy:
        _write_atomically(place, path.read_bytes())
    else:
        path.replace(place)
    return place


def write_file(path: Path, state: SavedState, instance: str) -> None:
    """Replace a state file, or leave it as it is; raises OSError. Its folder is made if there is none."""
    path.parent.mkdir(mode=0o755, exist_ok=True)
    _write_atomically(path, state.to_bytes(instance))


def _write_atomically(path: Path, data: bytes) -> None:
    new = path.with_name(f"{path.name}.new")
    new.unlink(missing_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        with os.fdopen(os.open(new, flags, 0o600), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    except OSError:
        with suppress(OSError):
            new.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """Make a new name in a folder last over a crash."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
