"""The Python environment of a package: all of it that follows from the lock file, made in a clean root and kept."""

from __future__ import annotations

import hashlib
import platform
import shutil
import sys
import tomllib
from functools import partial
from pathlib import Path
from typing import Final

from harness.host import ROOT
from packages.build_root import ROOM, build_room, build_root, run_at
from packages.release import Release
from packages.requirements import carried, direct, read_lock
from packages.root import CACHE, made_once, run

TOOLS: Final = ("setuptools",)
"""What builds our own wheel."""

SCRIPT: Final = ROOT / "tests/packages/debian/environment.sh"


def environment(release: Release) -> Path:
    """Return an archive of ``tools``, and of ``tree`` with the libraries, which is made once for a lock file."""
    digest = _digest(*requirement_lists().values(), SCRIPT.read_text(), build_root(release).name)
    return made_once(CACHE / release.codename / f"environment-{digest}.tar", partial(make_environment, release))


def make_environment(release: Release, path: Path) -> None:
    """Make that archive, of the wheels of the lock file, without a network."""
    with build_room() as room:
        shutil.copytree(wheels(release), room / "wheels")
        for name, text in requirement_lists().items():
            (room / name).write_text(text)
        shutil.copyfile(SCRIPT, room / SCRIPT.name)
        run_at(build_root(release), room, "sh", f"{ROOM}/{SCRIPT.name}")
        run("tar", "--create", "--file", str(path), "--directory", str(room), "tools", "tree")


def requirement_lists() -> dict[str, str]:
    """Return two files of requirements with hashes: what is carried, and the tools that build our wheel."""
    lock = read_lock((ROOT / "requirements-dev.lock").read_text())
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    names = carried(lock, direct(project))
    return {
        "carried.txt": "".join(lock[name].text for name in sorted(names)),
        "tools.txt": "".join(lock[name].text for name in TOOLS),
    }


def wheels(release: Release) -> Path:
    """Return a folder with the wheels of these requirements for a release, which are downloaded once."""
    requirements = "".join(requirement_lists().values())
    path = CACHE / release.codename / f"wheels-{_digest(requirements)}"
    return made_once(path, partial(_download, release, requirements))


def _download(release: Release, requirements: str, folder: Path) -> None:
    """Download wheels, checked by their hashes, into a new folder."""
    print(f"downloading the wheels for {release.codename}", flush=True)
    folder.mkdir()
    listed = folder / "requirements.txt"
    listed.write_text(requirements)
    where = [f"--platform={name}" for name in release.platforms(platform.machine())]
    what = ("--no-deps", "--require-hashes", "--only-binary=:all:", "--implementation=cp")
    words = (*what, f"--python-version={release.python}", f"--dest={folder}", f"--requirement={listed}")
    run(sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--quiet", *words, *where)


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]
