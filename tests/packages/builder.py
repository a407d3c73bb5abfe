"""Builds the package of a release: the environment in a clean root, the files around it, dpkg-deb; and judges it."""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final

from ldirectord_py import PACKAGE_VERSION
from packages.build_root import ROOM, build_room, build_root, run_at
from packages.contents import HERE
from packages.control import Build
from packages.environment import environment, wheels
from packages.release import ARCHITECTURES, Release, debian_version
from packages.root import CACHE, made_once, run
from packages.sources import Sources, read_sources
from packages.stage import copy_sources, stage

MAX_KEPT: Final = 10
"""Packages of a release in the cache."""


def package(release: Release) -> Path:
    """Return the package of this work tree, with its changes that are not committed, for a release.

    It is built once for the same sources, also if several processes want it at once; as root.
    """
    sources = read_sources()
    build = describe(release, sources)
    kept = CACHE / release.codename / "packages"
    path = made_once(kept / sources.digest() / build.file_name, partial(make_package, build, sources))
    os.utime(path.parent)
    forget_all_but_newest(kept)
    return path


def describe(release: Release, sources: Sources) -> Build:
    """Return which package the sources make for a release on this machine."""
    version = debian_version(release, PACKAGE_VERSION, sources.epoch, sources.commit, sources.tags)
    architecture = ARCHITECTURES[platform.machine()]
    return Build(release, architecture, version, sources.commit, sources.epoch, sources.author)


def make_package(build: Build, sources: Sources, path: Path, libraries: Path | None = None) -> None:
    """Build a package; of these libraries, if they are not those of the cache."""
    libraries = libraries or environment(build.release)
    print(f"building {build.file_name}", flush=True)
    root, scripts = build_root(build.release), f"{ROOM}/source/{HERE}"
    with modes_as_written(), build_room() as room:
        copy_sources(sources, room / "source")
        run("tar", "--extract", "--file", str(libraries), "--directory", str(room))
        run_at(root, room, "sh", f"{scripts}/program.sh", build.release.python, epoch=build.epoch)
        stage(room / "tree", build, sources, wheels(build.release))
        run_at(root, room, "sh", f"{scripts}/pack.sh", build.file_name, epoch=build.epoch)
        shutil.move(room / build.file_name, path)


@contextmanager
def modes_as_written() -> Iterator[None]:
    """Let the modes of files not depend on the umask of the caller."""
    before = os.umask(0o022)
    try:
        yield
    finally:
        os.umask(before)


def forget_all_but_newest(folder: Path) -> None:
    """Remove the folders in a folder that were not used for the longest time, if they are more than MAX_KEPT."""
    by_age = sorted(folder.iterdir(), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in by_age[MAX_KEPT:]:
        shutil.rmtree(path)


def judge(path: Path) -> str:
    """Return the errors and warnings of lintian about a package, without those that it overrides; "" if none."""
    found = run("lintian", "--allow-root", "--fail-on=none", "--no-tag-display-limit", str(path))
    return "".join(f"{line}\n" for line in found.splitlines() if line.startswith(("E:", "W:")))
