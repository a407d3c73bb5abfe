"""The releases of Debian that have a package, and the version of a package."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime

ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
"""Debian's name of each machine that wheels are published for."""


@dataclass(frozen=True)
class Release:
    """A release of Debian: its Python, the minor version of its glibc, and where its packages have units of systemd."""

    number: str
    codename: str
    python: str
    glibc: int
    units: str

    def platforms(self, machine: str) -> list[str]:
        """Return the platforms of wheels that run on this release, the newest first, as pip names them."""
        newer = [f"manylinux_2_{minor}_{machine}" for minor in range(self.glibc, 4, -1)]
        return [*newer, f"manylinux2014_{machine}", f"manylinux2010_{machine}", f"manylinux1_{machine}"]


RELEASES = {
    release.number: release
    for release in (
        Release("12", "bookworm", "3.11", 36, "lib/systemd/system"),
        Release("13", "trixie", "3.13", 41, "usr/lib/systemd/system"),
    )
}


def debian_version(release: Release, version: str, epoch: int, commit: str, tags: Collection[str]) -> str:
    """Return the version of a package of the commit made at ``epoch``, in seconds.

    A later commit has a higher version, a tagged version one above all commits before it, and Debian 13 one above
    Debian 12, so that an upgrade finds the package that it needs.
    """
    if f"v{version}" not in tags:
        version += f"~{datetime.fromtimestamp(epoch, UTC):%Y%m%d%H%M%S}.{commit}"
    return f"{version}-1~deb{release.number}"
