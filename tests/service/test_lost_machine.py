"""A machine of the kernel tier that is killed or hangs costs the test that it was running; another runs the others."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import copy
from pathlib import Path

import pytest

from harness.host import ROOT
from harness.lab.namespace import eventually
from harness.machines import pool
from harness.machines.kinds import Kind, usable
from harness.machines.machine import Machine, machine
from harness.machines.pool import Job, Pool

CASES = """
import os, time
def test_before(): pass
def test_running(): open(os.environ["MACHINE_OUT"] + "/running", "w").close(); time.sleep(6000)
def test_after(): assert open("/proc/net/ip_vs").readline().startswith("IP Virtual Server")
"""

pytestmark = pytest.mark.skipif(not usable(), reason="make machine")


@pytest.fixture
def folder() -> Iterator[Path]:
    """Return a folder that a machine sees; /tmp is its own there."""
    with tempfile.TemporaryDirectory(dir=ROOT / ".cache") as name:
        yield Path(name)


@pytest.mark.parametrize(
    ("loss", "reason"),
    [(signal.SIGKILL, "the virtual machine has ended"), (signal.SIGSTOP, "the machine has hung for 12 s")],
    ids=["killed", "hung"],
)
def test_a_lost_machine_costs_one_test(
    loss: signal.Signals, reason: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "HUNG_SECONDS", 12.0)
    booted: list[Machine] = []

    @contextmanager
    def recorded(kind: Kind, command: Sequence[str], environment: Mapping[str, str], number: int) -> Iterator[Machine]:
        with machine(kind, command, environment, number) as guest:
            booted.append(guest)
            yield guest

    monkeypatch.setattr(pool, "machine", recorded)
    kind = copy(usable()[0])
    kind.side_by_side = 1
    cases = folder / "test_cases.py"
    cases.write_text(CASES)
    tests = [f"test_cases.py::test_{name}" for name in ("before", "running", "after")]
    options = ("-c", os.devnull, "-p", "no:cacheprovider", "-p", "harness.machines.worker", f"--rootdir={cases.parent}")
    command = (sys.executable, "-m", "pytest", *options, str(cases))
    machines = Pool(Job(command, {}, 600), tests, [kind])
    try:
        assert not machines.outcome(tests[0]).lost
        eventually((booted[0].out / "running").exists, 60, booted[0].evidence)
        os.kill(_kernel(booted[0].process.pid), loss)
        assert reason in machines.outcome(tests[1]).lost
        (*_, last) = machines.outcome(tests[2]).reports
        assert last["outcome"] == "passed"
        assert not machines.outcome(tests[2]).lost
    finally:
        machines.close()
    assert len(booted) == 2


def _kernel(leash: int) -> int:
    """Return the process of the machine: what its leash started."""
    (pid,) = Path(f"/proc/{leash}/task/{leash}/children").read_text().split()
    return int(pid)
