"""Tests that run in virtual machines are reported as if they ran here; the machines are played by processes."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from harness.host import ROOT
from harness.machines import pool, remote
from harness.machines.kinds import Kind
from harness.machines.machine import BootError, Machine

pytest_plugins = ["pytester"]
pytestmark = pytest.mark.slow

CASES = """
import os, pytest

def test_good(): assert "MACHINE_OUT" in os.environ
def test_bad(): assert "here" == "there"
@pytest.mark.skip(reason="no such part")
def test_skipped(): pass
@pytest.mark.xfail(strict=True)
def test_expected(): assert False
@pytest.mark.parametrize("odd", ["a b", "[x]", "\\u00fc"])
def test_odd(odd): pass
@pytest.fixture
def broken(): yield; raise RuntimeError("in the teardown")
def test_teardown(broken): pass
"""
KILLED = """
import os, signal
def test_good(): pass
def test_deadly(): os.kill(os.getpid(), signal.{signal})
def test_after(): pass
def test_last(): pass
"""
LATE = """
import os, threading, time
def test_good(): pass
def test_late():
    def waits_elsewhere(): time.sleep(30)
    threading.Thread(target=waits_elsewhere, daemon=True).start()
    print("process", os.getpid())
    time.sleep(60)
def test_after(): print("process", os.getpid()); assert 0
"""


class Process(Kind):
    """A process on this host in place of a machine."""

    def __init__(self, side_by_side: int = 1, *, boots: bool = True) -> None:
        self.name = "a process"
        self.programs = ()
        self.boot_seconds = 10
        self.side_by_side, self.max_assigned = side_by_side, 2
        self.boots = boots

    def boot_command(self, out: Path, number: int) -> list[str]:
        raise NotImplementedError

    def missing_kernel(self) -> str:
        return ""


class Host:
    """The host of a run within the run: which machines it has, and which it has booted."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.kinds: list[Kind] = [Process()]
        self.booted: list[Kind] = []
        self.wrecks = -1
        self._numbers = itertools.count()

    @contextmanager
    def machine(
        self, kind: Kind, command: Sequence[str], environment: Mapping[str, str], number: int
    ) -> Iterator[Machine]:
        """Run the command in a process; the rest is as harness.machines.machine does it."""
        self.booted.append(kind)
        if not getattr(kind, "boots", False):
            raise BootError(f"a kernel panic in machine {number}")
        mishap = ("sh", "-c", "sleep 3; exit 1")  # boots, but pytest never comes to run
        command = mishap if (index := next(self._numbers)) == self.wrecks else command
        (out := self.folder / str(index)).mkdir()
        variables = {**os.environ, **environment, "MACHINE_OUT": str(out), "PYTHONPATH": str(ROOT / "tests")}
        with (out / "output").open("wb") as output:
            process = subprocess.Popen(command, stdout=output, stderr=output, env=variables)
        try:
            yield Machine(process, out, time.monotonic())
        finally:
            process.kill()
            process.wait()


class _Remote:
    """Registers the tier for every test of a run within the run."""

    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        config.pluginmanager.register(remote.RemoteTier(config, items))


@pytest.fixture
def host(pytester: pytest.Pytester, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    host = Host(tmp_path)
    monkeypatch.setenv("CI", "false")
    monkeypatch.setattr(pool, "machine", host.machine)
    monkeypatch.setattr(remote, "usable", lambda: host.kinds)
    monkeypatch.setattr(remote, "ROOT", pytester.path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    return host


def run(pytester: pytest.Pytester, cases: str) -> pytest.RunResult:
    pytester.makepyfile(cases)
    return pytester.runpytest_inprocess("-p", "no:asyncio", plugins=[_Remote()])


@pytest.mark.parametrize("side_by_side", [1, 3])
def test_every_outcome_comes_back(pytester: pytest.Pytester, host: Host, side_by_side: int) -> None:
    host.kinds = [Process(side_by_side)]
    result = run(pytester, CASES)
    result.assert_outcomes(passed=5, failed=1, skipped=1, xfailed=1, errors=1)
    result.stdout.fnmatch_lines(["*assert 'here' == 'there'*", "*RuntimeError: in the teardown*"])
    assert len(host.booted) == side_by_side


@pytest.mark.parametrize("light", [False, True])
def test_a_lost_machine_costs_the_test_that_it_was_running(pytester: pytest.Pytester, host: Host, light: bool) -> None:
    mark = "import pytest\npytestmark = pytest.mark.original\n" if light else ""  # handed out ahead
    pytester.makeini("[pytest]\nmarkers = original")
    result = run(pytester, mark + KILLED.format(signal="SIGKILL"))
    result.assert_outcomes(passed=3, failed=1)
    result.stdout.fnmatch_lines(["*the virtual machine has ended*", "FAILED *::test_deadly*"])
    assert len(host.booted) == 2


@pytest.mark.slow
def test_a_machine_that_hangs_costs_the_test_that_it_was_running(
    pytester: pytest.Pytester, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote, "TEST_SECONDS", 1.0)
    result = run(pytester, KILLED.format(signal="SIGSTOP"))
    result.assert_outcomes(passed=3, failed=1)
    result.stdout.fnmatch_lines(["*the machine has sent nothing for*"])
    assert len(host.booted) == 2


def test_a_late_test_shows_all_stacks_and_its_machine_goes_on(
    pytester: pytest.Pytester, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote, "TEST_SECONDS", 1.0)
    result = run(pytester, LATE)
    result.assert_outcomes(passed=1, failed=2)
    result.stdout.fnmatch_lines(["*in waits_elsewhere*", "*not done after * s, * times slower than usual*"])
    assert len({line for line in result.outlines if line.startswith("process ")}) == 1
    assert len(host.booted) == 1


def test_where_the_better_kind_does_not_boot_the_other_is_taken(pytester: pytest.Pytester, host: Host) -> None:
    worse = Process()
    host.kinds = [Process(2, boots=False), worse]
    result = run(pytester, CASES)
    result.assert_outcomes(passed=5, failed=1, skipped=1, xfailed=1, errors=1)
    assert host.booted.count(worse) == 1


def test_a_test_that_the_better_kind_never_began_is_left_to_the_other(
    pytester: pytest.Pytester, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the machine beside it is done already, too."""
    worse = Process()
    host.kinds = [Process(2), worse]
    host.wrecks = 1
    monkeypatch.setattr(pool, "MAX_FAILURES", 1)
    result = run(pytester, "def test_one(): pass\ndef test_two(): pass\n")
    result.assert_outcomes(passed=2)
    assert host.booted[-1] is worse


def test_without_a_machine_every_test_fails_with_the_reason(pytester: pytest.Pytester, host: Host) -> None:
    host.kinds = [Process(2, boots=False)]
    result = run(pytester, CASES)
    result.assert_outcomes(failed=8)
    assert result.stdout.str().count("a kernel panic in machine") >= 8


def test_tests_that_cannot_be_collected_in_a_machine_fail(pytester: pytest.Pytester, host: Host) -> None:
    result = run(pytester, 'import os\nassert "MACHINE_OUT" not in os.environ\ndef test_one(): pass\n')
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*assert 'MACHINE_OUT' not in*"])
    assert len(host.booted) == 1
