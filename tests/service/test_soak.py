"""A soak of seconds: nothing but memory, which settles for longer, grows; and what leaks is found."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from harness.servers.server_process import program
from soak.daemon import LEAKING
from soak.soak import Load, Soaked, soak
from soak.trends import Finding

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("nft"), reason="makes a network namespace: needs root, ip and nft"
)

SHORT = Load(rate=200, seconds=30.0, warm_up=6.0, cycle=3.0)


def findings(found: Soaked) -> dict[str, Finding]:
    return {trend.name: trend.finding for trend in found.trends if trend.unit != "MB"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    program("nginx", "nginx-light")
    return tmp_path


def test_F54_in_a_soak_of_seconds_nothing_grows(folder: Path) -> None:
    found = soak(folder, SHORT)
    assert {trend.name for trend in found.trends} == {
        *("RSS", "PSS", "descriptors", "threads", "processes", "tasks", "lag, 99 %")
    }
    assert Finding.GROWS not in findings(found).values()
    assert found.faults == []
    assert found.rate > SHORT.rate / 20  # this host may be busy
    assert found.reloads >= 10
    assert found.changes > SHORT.rate / 2


def test_F54_what_leaks_in_a_soak_is_found(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(LEAKING, "yes")
    found = soak(folder, SHORT)
    grown = {name for name, finding in findings(found).items() if finding is Finding.GROWS}
    assert {"descriptors", "tasks"} <= grown
    assert not found.passed
