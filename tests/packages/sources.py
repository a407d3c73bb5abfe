"""What a package is built from: files that git does not ignore, and the last commit that changed them."""

from __future__ import annotations

import hashlib
import subprocess
from dataclasses import dataclass
from pathlib import Path

from harness.host import ROOT

PATHS = (
    *("LICENSE", "LICENSE.permission", "README.md", "docs", "etc", "ldirectord_py", "pyproject.toml"),
    *("requirements-dev.lock", "systemd", "tests/packages"),
)


@dataclass(frozen=True)
class Sources:
    """Files, with paths below ROOT; the commit, its time in seconds, its author as "NAME <MAIL>", and its tags.

    The commit ends in ".changed", and has no tags, if the files are not its own.
    """

    files: tuple[str, ...]
    commit: str
    epoch: int
    author: str
    tags: tuple[str, ...]

    def digest(self) -> str:
        """Return a digest of all that makes one package another."""
        parts = [self.commit.encode(), *(part for file in self.files for part in _named_contents(ROOT / file))]
        return hashlib.sha256(b"\0".join(hashlib.sha256(part).digest() for part in parts)).hexdigest()[:16]


def read_sources() -> Sources:
    """Return the sources as they are in the work tree now."""
    listed = _git("ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *PATHS).split("\0")
    files = tuple(name for name in listed if name and (ROOT / name).is_file())
    commit, epoch, author = _git("log", "-1", "--format=%H%n%ct%n%an <%ae>", "--", *PATHS).splitlines()
    if _git("status", "--porcelain", "--", *PATHS):
        return Sources(files, f"{commit[:7]}.changed", int(epoch), author, ())
    return Sources(files, commit[:7], int(epoch), author, tuple(_git("tag", "--points-at", commit).splitlines()))


def _named_contents(path: Path) -> tuple[bytes, bytes]:
    return str(path.relative_to(ROOT)).encode(), path.read_bytes()


def _git(*words: str) -> str:
    return subprocess.run(["git", *words], check=True, cwd=ROOT, stdout=subprocess.PIPE, text=True).stdout
