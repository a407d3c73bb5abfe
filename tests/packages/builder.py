"""Builds the package of a release: the environment in a clean root, the files around it, dpkg-deb; and judges it."""

from __future__ import annotations

import os
import platform
import shutil
import sys
import tomllib
from pathlib import Path

from harness.host import ROOT
from ldirectord_py import PACKAGE_VERSION
from packages.contents import HERE
from packages.control import Build
from packages.release import ARCHITECTURES, Release, debian_version
from packages.requirements import carried, direct, read_lock
from packages.root import CACHE, clean_root, run, run_in, unpacked
from packages.sources import Sources
from packages.stage import copy_sources, stage

TOOLS = ("setuptools",)
"""What builds our own wheel."""


def describe(release: Release, sources: Sources) -> Build:
    """Return which package the sources make for a release on this machine."""
    version = debian_version(release, PACKAGE_VERSION, sources.epoch, sources.commit, sources.tags)
    architecture = ARCHITECTURES[platform.machine()]
    return Build(release, architecture, version, sources.commit, sources.epoch, sources.author)


def built(release: Release, sources: Sources) -> Path:
    """Return the package of these sources, which is built once."""
    build = describe(release, sources)
    path = CACHE / release.codename / sources.digest() / build.file_name
    if not path.exists():
        package(build, sources, path)
    return path


def package(build: Build, sources: Sources, path: Path) -> None:
    """Build a package; the modes of its files do not depend on the umask."""
    os.umask(0o022)
    lists = requirement_lists()
    wheels = download(build.release, "".join(lists.values()))
    archive = clean_root(build.release, [f"python{build.release.python}-venv", "python3-venv"])
    print(f"building {build.file_name}", flush=True)
    with unpacked(archive) as root:
        room = root / "build"
        copy_sources(sources, room / "source")
        shutil.copytree(wheels, room / "wheels")
        for name, text in lists.items():
            (room / name).write_text(text)
        run_in(root, "sh", f"/build/source/{HERE}/environment.sh", build.release.python, epoch=build.epoch)
        stage(room / "tree", build, sources, wheels)
        run_in(root, "sh", f"/build/source/{HERE}/pack.sh", build.file_name, epoch=build.epoch)
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(room / build.file_name, path)


def requirement_lists() -> dict[str, str]:
    """Return two files of requirements with hashes: what is carried, and the tools that build our wheel."""
    lock = read_lock((ROOT / "requirements-dev.lock").read_text())
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    names = carried(lock, direct(project))
    return {
        "carried.txt": "".join(lock[name].text for name in sorted(names)),
        "tools.txt": "".join(lock[name].text for name in TOOLS),
    }


def download(release: Release, requirements: str) -> Path:
    """Return a folder with the wheels of these requirements for a release: what is missing is downloaded."""
    folder = CACHE / release.codename / "wheels"
    folder.mkdir(parents=True, exist_ok=True)
    listed = folder / "requirements.txt"
    if listed.exists() and listed.read_text() == requirements:
        return folder
    print(f"downloading the wheels for {release.codename}", flush=True)
    shutil.rmtree(folder)
    folder.mkdir()
    unfinished = folder / "requirements.new"
    unfinished.write_text(requirements)
    where = [f"--platform={name}" for name in release.platforms(platform.machine())]
    what = ("--no-deps", "--require-hashes", "--only-binary=:all:", "--implementation=cp")
    words = (*what, f"--python-version={release.python}", f"--dest={folder}", f"--requirement={unfinished}")
    run(sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--quiet", *words, *where)
    unfinished.rename(listed)
    return folder


def judge(path: Path) -> str:
    """Return the errors and warnings of lintian about a package, without those that it overrides; "" if none."""
    found = run("lintian", "--allow-root", "--fail-on=none", "--no-tag-display-limit", str(path))
    return "".join(f"{line}\n" for line in found.splitlines() if line.startswith(("E:", "W:")))
