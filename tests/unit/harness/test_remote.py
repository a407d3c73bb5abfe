"""Tests that run in the virtual machine are reported as if they ran here; the machine is played by a process."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from harness import remote
from harness.host import ROOT
from harness.machine import Machine

pytest_plugins = ["pytester"]

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
DEATH = "import os\ndef test_good(): pass\ndef test_deadly(): os._exit(3)\ndef test_after(): pass\n"


@contextmanager
def process_as_machine(command: Sequence[str], environment: Mapping[str, str]) -> Iterator[Machine]:
    """Run the command in a process on this host; the rest is as harness.machine does it."""
    out = Path(os.environ["FAKE_MACHINE"])
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
        config.pluginmanager.register(remote.RemoteTier(config, [item.nodeid for item in items]))


@pytest.fixture
def run(pytester: pytest.Pytester, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    monkeypatch.setenv("FAKE_MACHINE", str(tmp_path))
    monkeypatch.setenv("CI", "false")
    monkeypatch.setattr(remote, "machine", process_as_machine)
    monkeypatch.setattr(remote, "ROOT", pytester.path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    return pytester


def test_every_outcome_comes_back(run: pytest.Pytester) -> None:
    run.makepyfile(CASES)
    result = run.runpytest_inprocess("-p", "no:asyncio", plugins=[_Remote()])
    result.assert_outcomes(passed=5, failed=1, skipped=1, xfailed=1, errors=1)
    result.stdout.fnmatch_lines(["*assert 'here' == 'there'*", "*RuntimeError: in the teardown*"])


def test_a_lost_machine_fails_what_it_did_not_run(run: pytest.Pytester) -> None:
    run.makepyfile(DEATH)
    result = run.runpytest_inprocess("-p", "no:asyncio", plugins=[_Remote()])
    result.assert_outcomes(passed=1, failed=2)
    result.stdout.fnmatch_lines(["*the virtual machine went away*", "*was lost in an earlier test*"])
