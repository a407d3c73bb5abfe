"""Roots of each release of Debian with its package in /tmp."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from packages import builder
from packages.control import dependencies
from packages.release import RELEASES, Release
from packages.root import clean_root, run_in, unpacked


@pytest.fixture(scope="session", params=RELEASES.values(), ids=lambda release: release.codename)
def release(request: pytest.FixtureRequest) -> Release:
    chosen: Release = request.param
    return chosen


@pytest.fixture(scope="session")
def package(release: Release) -> Path:
    return builder.package(release)


@pytest.fixture
def host(release: Release, package: Path) -> Iterator[Path]:
    """A minimal system with what the package depends on, and the package in /tmp."""
    with _minimal_host(release, package) as root:
        yield root


@pytest.fixture(scope="module")
def installed(release: Release, package: Path) -> Iterator[Path]:
    """Such a system with the package installed, for tests that change nothing of it."""
    with _minimal_host(release, package) as root:
        run_in(root, "dpkg", "--install", "/tmp/ours.deb")
        yield root


@contextmanager
def _minimal_host(release: Release, package: Path) -> Iterator[Path]:
    with unpacked(clean_root(release, dependencies(release))) as root:
        shutil.copy(package, root / "tmp/ours.deb")
        yield root
