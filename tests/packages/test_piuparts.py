"""piuparts: each package, with what it depends on, installed in the smallest root, checked, and purged again.

It needs a mirror of Debian, as apt brings the dependencies: what they leave is no fault of ours.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from packages.release import Release
from packages.root import kept_root, run

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="makes clean roots, for chroot: needs to be root"),
    pytest.mark.skipif(shutil.which("piuparts") is None, reason="sh tests/harness/setup.sh builders"),
]


def test_piuparts_finds_nothing(release: Release, package: Path, tmp_path: Path) -> None:
    where = (f"--distribution={release.codename}", "--keep-sources-list", f"--tmpdir={tmp_path}")
    how = ("--no-eatmydata", "--no-upgrade-test", "--warn-on-others", "--fail-on-broken-symlinks", "--log-level=info")
    output = run("piuparts", f"--existing-chroot={kept_root(release, ['apt'])}", *where, *how, str(package))
    assert "PASS: All tests." in output
    print("".join(line for line in output.splitlines(keepends=True) if "converted to" not in line))
