"""Under ``CI=true`` a skipped test has failed, an expected failure has not."""

from __future__ import annotations

import pytest

from harness.host import ROOT

pytest_plugins = ["pytester"]

CASES = """
import pytest

def test_skipped(): pytest.skip("no such part")
@pytest.mark.xfail(strict=True)
def test_expected(): assert False
"""


@pytest.mark.parametrize(("ci", "outcomes"), [("true", {"failed": 1}), ("", {"skipped": 1})])
def test_a_skip_fails_only_in_ci(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, ci: str, outcomes: dict[str, int]
) -> None:
    monkeypatch.setenv("CI", ci)
    pytester.makeconftest((ROOT / "tests" / "conftest.py").read_text())
    pytester.makepyfile(CASES)
    pytester.runpytest_inprocess("-p", "no:asyncio").assert_outcomes(**outcomes, xfailed=1)


def test_a_skipped_module_fails_in_ci(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    pytester.makeconftest((ROOT / "tests" / "conftest.py").read_text())
    pytester.makepyfile("import pytest\npytest.skip('no such part', allow_module_level=True)")
    result = pytester.runpytest_inprocess("-p", "no:asyncio")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*CI skips nothing: Skipped: no such part*"])
