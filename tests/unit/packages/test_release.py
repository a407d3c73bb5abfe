"""Versions of packages in Debian's order, and the wheels that a release can run."""

from __future__ import annotations

import shutil
import subprocess
from itertools import pairwise

import pytest

from packages.release import RELEASES, debian_version

D12, D13 = RELEASES["12"], RELEASES["13"]
EPOCH = 1795892215
COMMIT = "6a7005f"


def test_a_version_says_when_its_commit_was_made() -> None:
    assert debian_version(D12, "0.1.0", EPOCH, COMMIT, ()) == "0.1.0~20261128185655.6a7005f-1~deb12"


def test_the_version_of_a_tag_is_plain() -> None:
    assert debian_version(D13, "0.1.0", EPOCH, COMMIT, ["v0.1.0", "other"]) == "0.1.0-1~deb13"
    assert debian_version(D13, "0.1.0", EPOCH, COMMIT, ["v0.0.9"]) != "0.1.0-1~deb13"


@pytest.mark.skipif(shutil.which("dpkg") is None, reason="needs dpkg")
def test_an_upgrade_finds_the_later_package() -> None:
    in_order = [
        debian_version(D12, "0.1.0", EPOCH, "fffffff", ()),
        debian_version(D13, "0.1.0", EPOCH, "fffffff", ()),
        debian_version(D12, "0.1.0", EPOCH + 1, "0000000", ()),
        debian_version(D12, "0.1.0", EPOCH + 2, COMMIT, ["v0.1.0"]),
        debian_version(D13, "0.1.0", EPOCH + 2, COMMIT, ["v0.1.0"]),
        debian_version(D12, "0.2.0", EPOCH + 3, COMMIT, ()),
    ]
    for lower, higher in pairwise(in_order):
        done = subprocess.run(["dpkg", "--compare-versions", lower, "lt", higher], check=False)
        assert done.returncode == 0, (lower, higher)


def test_the_platforms_of_a_release_end_at_its_glibc() -> None:
    platforms = D12.platforms("x86_64")
    assert platforms[0] == "manylinux_2_36_x86_64"
    assert "manylinux_2_17_x86_64" in platforms
    assert "manylinux2014_x86_64" in platforms
    assert "manylinux_2_39_x86_64" in D13.platforms("x86_64")
