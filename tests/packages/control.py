"""The small files of a package about itself: control, changelog."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import NamedTuple

from packages.release import Release

CONTROL = """\
Package: ldirectord-py
Version: {version}
Architecture: {architecture}
Maintainer: {maintainer}
Installed-Size: {kibibytes}
Pre-Depends: python{python}
Depends: {depends}
Recommends: kmod, logrotate
Suggests: ipvsadm, ldirectord, default-mta | mail-transport-agent, perl
Section: net
Priority: optional
Description: director of Linux Virtual Server: health-checked IPVS tables
 ldirectord-py checks real servers and keeps the load-balancing table of the
 kernel (IPVS) in step with their health. It reads the ldirectord.cf of the
 Perl ldirectord and replaces that program: starts, reloads and restarts
 interrupt no connection, and a file with an error changes nothing.
 .
 The package brings the Python libraries that it needs in an environment of its
 own. The Perl package ldirectord may stay installed: its command, unit and
 manual page are kept aside, and come back when this package is removed.
"""

CHANGELOG = """\
ldirectord-py ({version}) {codename}; urgency=medium

  * Built from commit {commit}. changelog.gz lists what has changed.

 -- {maintainer}  {date}
"""


class Build(NamedTuple):
    """Which package is built: for which release and machine, from which commit of whom, and its time in seconds."""

    release: Release
    architecture: str
    version: str
    commit: str
    epoch: int
    maintainer: str

    @property
    def file_name(self) -> str:
        return f"ldirectord-py_{self.version}_{self.architecture}.deb"


def depends(release: Release) -> str:
    """Return what has to be installed for the package to work.

    The exact Python, which stays installed while Debian is upgraded to a release with another one, instead of python3,
    for which apt would remove a running director.
    """
    return f"libc6 (>= 2.{release.glibc}), libgcc-s1, python{release.python}"


def dependencies(release: Release) -> list[str]:
    """Return the names of the packages that it depends on."""
    return [part.split()[0] for part in depends(release).split(", ")]


def control(build: Build, sizes: Iterable[int]) -> str:
    """Return the control file of a package whose files have these sizes in bytes."""
    return CONTROL.format(
        version=build.version,
        architecture=build.architecture,
        maintainer=build.maintainer,
        python=build.release.python,
        kibibytes=sum(-(-size // 1024) for size in sizes),
        depends=depends(build.release),
    )


def changelog(build: Build) -> str:
    """Return Debian's changelog of the package, with one entry."""
    return CHANGELOG.format(
        version=build.version,
        codename=build.release.codename,
        commit=build.commit,
        maintainer=build.maintainer,
        date=format_datetime(datetime.fromtimestamp(build.epoch, UTC)),
    )
