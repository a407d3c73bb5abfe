"""Each row of docs/differences.md is asserted: by a test that has its name as a marker, or in a scenario."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from harness.comparison.differences import PAGE, marked, rows, rows_of_scenario
from harness.host import ROOT
from harness.scenarios.table import SCENARIOS

EXAMPLE = """\
| | the original | ours |
|---|---|---|
| **A thing** and `another` | does | does not |
| plain | a | b |
| **Bold** (in `code` too) | **not** | here |
"""


def test_a_row_is_named_by_its_first_cell() -> None:
    assert rows(EXAMPLE) == ["A thing and `another`", "Bold (in `code` too)"]


def test_no_two_rows_have_one_name() -> None:
    assert [name for name, times in Counter(rows(PAGE.read_text())).items() if times > 1] == []


@pytest.fixture(scope="module")
def asserted(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    named = marked(ROOT / "tests")
    for name, scenario in SCENARIOS.items():
        named |= rows_of_scenario(scenario, tmp_path_factory.mktemp(name))
    return named


def test_each_row_is_asserted(asserted: set[str]) -> None:
    assert sorted(set(rows(PAGE.read_text())) - asserted) == []


def test_nothing_is_asserted_that_no_row_says(asserted: set[str]) -> None:
    assert sorted(asserted - set(rows(PAGE.read_text()))) == []


def test_a_marker_is_read_wherever_it_stands(tmp_path: Path) -> None:
    text = 'p.param(1, marks=p.mark.difference("One"))\n@p.mark.difference("Two")\ndef test_it(): ...\n'
    (tmp_path / "test_it.py").write_text(text)
    assert marked(tmp_path) == {"One", "Two"}
