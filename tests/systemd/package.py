"""The package of this work tree in a Debian: its file, a later version of it, and apt."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from packages.builder import package
from packages.release import Release
from packages.root import run
from systemd.debian import Result, booted_debian
from systemd.disk import missing
from systemd.site import Site

NAME: Final = "ldirectord-py"
APT: Final = ("env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "--yes", "-o=Dpkg::Use-Pty=0")
APT_SECONDS: Final = 600.0


@contextmanager
def debian_beside_package(release: Release) -> Iterator[Site]:
    """Boot a Debian of the release, with the file ours.deb for ``install``; nothing of it is installed."""
    if reason := missing():
        pytest.skip(reason)
    path = package(release)
    with booted_debian(release) as guest:
        guest.bring(path, "ours.deb")
        site = Site(guest)
        site.reset()
        yield site


def later_version(path: Path, folder: Path) -> Path:
    """Return the same package with a higher version, made in a folder."""
    tree, later = folder / "tree", folder / "later.deb"
    run("dpkg-deb", "--raw-extract", str(path), str(tree))
    control = tree / "DEBIAN/control"
    control.write_text(re.sub("(?m)^(Version: .*)$", r"\1+later", control.read_text()))
    run("dpkg-deb", "--root-owner-group", "-Zgzip", "-z1", "--build", str(tree), str(later))
    return later


def install(site: Site, file: str = "ours.deb") -> Result:
    """Return the result of installing a file that was brought."""
    return apt(site, "install", f"/run/share/{file}")


def apt(site: Site, *words: str) -> Result:
    """Return the result of apt-get, which asks nothing."""
    return site.guest.call(*APT, *words, seconds=APT_SECONDS)
