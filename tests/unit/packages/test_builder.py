"""The cache of packages is bounded."""

from __future__ import annotations

import os
from pathlib import Path

from packages.builder import MAX_KEPT, forget_all_but_newest


def test_the_packages_that_were_used_last_are_kept(tmp_path: Path) -> None:
    for number in range(MAX_KEPT + 2):
        (tmp_path / str(number)).mkdir()
        (tmp_path / str(number) / "file.deb").touch()
        os.utime(tmp_path / str(number), (0, number))
    forget_all_but_newest(tmp_path)
    assert {int(path.name) for path in tmp_path.iterdir()} == {*range(2, MAX_KEPT + 2)}
