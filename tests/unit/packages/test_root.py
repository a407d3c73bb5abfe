"""Roots are made once for all processes, with the settings of apt that say how this host reaches its mirror."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from packages.root import acquire_options, made_once

DUMP = """\
Acquire "";
Acquire::Check-Valid-Until "false";
Acquire::Languages:: "en";
Acquire::http "";
Acquire::http::Proxy "http://127.0.0.1:3142";
Acquire::IndexTargets::deb::Packages::MetaKey "x";
"""


def test_acquire_options() -> None:
    assert acquire_options(DUMP) == (
        'Acquire::Check-Valid-Until "false";\nAcquire::http::Proxy "http://127.0.0.1:3142";\n'
    )


def test_what_several_want_at_once_is_made_once(tmp_path: Path) -> None:
    made: list[Path] = []

    def make(path: Path) -> None:
        made.append(path)
        time.sleep(0.05)
        path.write_text("whole")

    def read(_: int) -> str:
        return made_once(tmp_path / "new" / "root.tar", make).read_text()

    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(read, range(4))) == ["whole"] * 4
    assert len(made) == 1


def test_what_could_not_be_completed_is_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "root"

    def fail(unfinished: Path) -> None:
        unfinished.mkdir()
        (unfinished / "half").touch()
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        made_once(path, fail)
    assert not path.exists()
    made_once(path, Path.mkdir)
    assert list(path.iterdir()) == []
