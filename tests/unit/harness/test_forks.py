"""Tests in forked processes come to the same end as in one, and none is lost."""

from __future__ import annotations

import pytest

from harness.host import ROOT

pytest_plugins = ["pytester"]

CASES = """
import pytest

@pytest.fixture(scope="module")
def made(): return []

@pytest.fixture
def broken():
    yield
    raise OSError("too late")

def test_first(made): made.append(1)
def test_second(made, tmp_path): assert made == [1] and tmp_path.is_dir()
def test_failed():
    print("said before")
    assert 1 == 2
def test_broken(broken): pass
@pytest.mark.skip
def test_skipped(): pass
"""

OTHERS = "def test_other(): pass\n"

CRASH = "import os\ndef test_passed(): pass\ndef test_crashed(): os._exit(3)\ndef test_never(): pass\n"


@pytest.fixture
def forked(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    monkeypatch.setenv("CI", "")
    pytester.makeconftest((ROOT / "tests" / "conftest.py").read_text())
    return pytester


def test_each_test_ends_as_in_one_process(forked: pytest.Pytester) -> None:
    forked.makepyfile(test_cases=CASES, test_others=OTHERS)
    result = forked.runpytest_inprocess("-p", "no:asyncio", "--forks", "2")
    result.assert_outcomes(passed=4, failed=1, errors=1, skipped=1)
    result.stdout.fnmatch_lines(["*too late*", "*assert 1 == 2*", "*said before*"])
    assert result.ret == pytest.ExitCode.TESTS_FAILED


def test_a_process_that_ends_early_is_told(forked: pytest.Pytester) -> None:
    forked.makepyfile(CRASH)
    result = forked.runpytest_inprocess("-p", "no:asyncio", "--forks", "2")
    result.stdout.fnmatch_lines(["*2 tests have not ended: processes [[]*[]] failed*"])
    assert result.ret == pytest.ExitCode.INTERRUPTED


def test_good_ones_are_a_success(forked: pytest.Pytester) -> None:
    forked.makepyfile(OTHERS)
    assert forked.runpytest_inprocess("-p", "no:asyncio", "--forks", "2").ret == pytest.ExitCode.OK
