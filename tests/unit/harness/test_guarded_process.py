"""A daemon that a test starts tells the test who held its loop."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.guarded_process import REPORT, STARTUP, HeldReports, guarded_environment
from harness.layers import PACKAGE
from harness.memory_daemon import memory_daemon

PROGRAM = f"""
import asyncio
import sys
from time import process_time

import uvloop

SOURCE = '''
def spin(seconds):
    end = process_time() + seconds
    while process_time() < end:
        pass
'''

async def ldirectord():
    exec(compile(SOURCE, {str(PACKAGE / "pretended.py")!r}, "exec"), globals())
    for _ in range(5):
        await asyncio.sleep(0)
        asyncio.get_running_loop().call_soon(globals()["spin"], float(sys.argv[1]))

with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
    runner.run(ldirectord())
"""


@pytest.fixture
def reports(monkeypatch: pytest.MonkeyPatch) -> Iterator[HeldReports]:
    held = HeldReports()
    monkeypatch.setenv(REPORT, held.path)
    yield held
    held.close()


@pytest.mark.slow
@pytest.mark.parametrize(("seconds", "held"), [(0.4, True), (0.04, False)])
def test_a_process_reports_each_turn_that_is_held(reports: HeldReports, seconds: float, held: bool) -> None:
    environment = {**os.environ, **guarded_environment()}
    subprocess.run([sys.executable, "-c", PROGRAM, str(seconds)], env=environment, check=True, timeout=300)
    found = reports.take()
    assert bool(found) is held
    assert {(each.places[0].file, each.places[0].name) for each in found} <= {(str(PACKAGE / "pretended.py"), "spin")}
    assert reports.take() == []


@pytest.mark.slow
def test_a_daemon_is_guarded(reports: HeldReports, tmp_path: Path) -> None:
    with memory_daemon(tmp_path, "virtual=192.0.2.1:80\n    real=127.0.0.1:9 masq\n    checktype=on\n") as daemon:
        environment = Path(f"/proc/{daemon.process.pid}/environ")
        assert f"{REPORT}={reports.path}" in environment.read_text().split("\0")


def test_without_a_file_nothing_is_guarded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(REPORT, raising=False)
    assert guarded_environment() == {}
    monkeypatch.setenv(REPORT, "/proc/1/fd/9")
    assert guarded_environment()["PYTHONPATH"].startswith(f"{STARTUP}:")
