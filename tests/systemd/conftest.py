"""The tier of systemd: one Debian for all tests of a process, driven from here."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from systemd.debian import Guest, booted_debian
from systemd.disk import RELEASE, missing
from systemd.site import Site

TIER = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the tests that boot a machine of their own: they take the longest."""
    items.sort(key=lambda item: not item.path.is_relative_to(TIER) or "guest" in getattr(item, "fixturenames", ()))


@pytest.fixture(scope="session")
def guest() -> Iterator[Guest]:
    """A Debian that has booted."""
    if reason := missing():
        pytest.skip(reason)
    with booted_debian() as guest:
        yield guest


@pytest.fixture(scope="session")
def installed(guest: Guest) -> Site:
    """The site, with this work tree installed beside Debian's package of the original."""
    guest.script("install.sh", f"python{RELEASE.python}")
    return Site(guest)


@pytest.fixture
def site(installed: Site) -> Site:
    """The site, in which no director runs."""
    installed.reset()
    return installed
