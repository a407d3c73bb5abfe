"""The root that packages of a release are built in: made once, and never written to."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from packages.release import Release
from packages.root import CACHE, kept_root, run_apart

ROOM: Final = "/mnt"
"""Where the directory of a build is seen in the root."""

ENTER: Final = f"""set -e
root=$1 room=$2
shift 2
mount --bind "$root" "$root"
mount -o remount,bind,ro "$root"
mount --bind "$room" "$root{ROOM}"
mount -t tmpfs tmpfs "$root/tmp"
mount --rbind /dev "$root/dev"
mount -t proc proc "$root/proc"
exec chroot "$root" "$@"
"""


def build_root(release: Release) -> Path:
    """Return the clean root that packages of a release are built in."""
    return kept_root(release, [f"python{release.python}-venv", "python3-venv"])


@contextmanager
def build_room() -> Iterator[Path]:
    """Yield an empty directory for a build, which is removed in the end."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="room-", dir=CACHE) as name:
        yield Path(name)


def run_at(root: Path, room: Path, *command: str, epoch: int = 0) -> str:
    """Return the output of a command in a root that is read-only but for ROOM; CommandFailedError if it fails."""
    return run_apart(ENTER, str(root), str(room), *command, epoch=epoch)
