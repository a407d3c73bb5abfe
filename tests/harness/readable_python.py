"""Lets other users run the Python of the tests, which may be in a folder of root alone, in a mount namespace."""

from __future__ import annotations

import os
import sys
from pathlib import Path

_SCRIPT = """set -e
hidden=$1; shift
keep=$(mktemp -d)
mount --bind "$hidden" "$keep"
mount -t tmpfs -o mode=755 none "$hidden"
while [ "$1" != -- ]; do
    mkdir -p "$hidden/$1"; mount --bind "$keep/$1" "$hidden/$1"; shift
done
shift
umount "$keep"
rmdir "$keep"
exec "$@"
"""


def readable_by_all(*needed: Path) -> list[str]:
    """Return the beginning of a command that runs the rest where others can reach these folders and Python."""
    mine = (Path(sys.base_prefix), Path(sys.prefix), Path(__file__).parents[2])
    folders = {folder.resolve() for folder in (*needed, *mine)}
    hidden = {parent for folder in folders for parent in (folder, *folder.parents) if not parent.stat().st_mode & 0o001}
    if os.geteuid() != 0 or not hidden:
        return []
    top = min(hidden, key=lambda folder: len(folder.parts))
    shown = [str(folder.relative_to(top)) for folder in sorted(folders) if folder.is_relative_to(top) and folder != top]
    return ["unshare", "--mount", "sh", "-c", _SCRIPT, "sh", str(top), *shown, "--"]
