"""docs/reliability.md has a row for each scenario of faults, and each row names files with tests of this scenario."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from functools import cache
from typing import NamedTuple

import pytest

from harness.host import ROOT

PAGE = ROOT / "docs/reliability.md"
TESTS = ROOT / "tests"
NUMBERS = range(1, 56)

LEVELS = {
    "unit": {"unit", "simulation"},
    "loopback": {"unit", "service"},
    "kernel": {"kernel"},
    "systemd": {"systemd"},
}
"""The tiers that have tests of each level."""

_PROMISE = re.compile(r"^\| (I\d+|[a-z]+) \| [^|]+ \| ([^|]+) \| ([^|]+) \|$", re.MULTILINE)
_ROW = re.compile(r"^\| F(\d+) \| (?:[^|]+) \| (?:[^|]+) \| ([a-z, ]+) \| (.+) \|$", re.MULTILINE)


class Scenario(NamedTuple):
    """A row: its number, the levels of its tests, and their files."""

    number: int
    levels: Collection[str]
    files: Collection[str]


def scenarios() -> list[Scenario]:
    return [
        Scenario(int(number), levels.split(", "), re.findall(r"`tests/([\w/]+\.py)`", proof))
        for number, levels, proof in _ROW.findall(PAGE.read_text())
    ]


def numbers(name: str) -> Iterator[int]:
    """Yield the numbers of the scenarios that the name of a test begins with: ``test_F2_F3_...``."""
    if found := re.match(r"test_((?:F\d+_)+)", name):
        yield from map(int, re.findall(r"\d+", found[1]))


@cache
def files_of_tests() -> Mapping[int, set[str]]:
    """Return the files with tests that are named after each scenario."""
    found = defaultdict[int, set[str]](set)
    for path in TESTS.rglob("test_*.py"):
        if "def test_F" in (text := path.read_text()):
            for node in ast.walk(ast.parse(text)):
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                    for number in numbers(node.name):
                        found[number].add(str(path.relative_to(TESTS)))
    return found


def checks_of_the_simulation() -> Iterator[str]:
    """Yield the names of its classes, and of their methods."""
    for path in (TESTS / "simulation").glob("*.py"):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.ClassDef):
                yield node.name
                yield from (f"{node.name}.{each.name}" for each in node.body if isinstance(each, ast.FunctionDef))


def test_what_each_promise_names_is_there() -> None:
    promises = _PROMISE.findall(PAGE.read_text())
    names = [*(f"I{number}" for number in range(1, 11)), "liveness", "draining", "damping"]
    assert [name for name, _, _ in promises] == names
    named = {name for _, simulated, _ in promises for name in re.findall(r"`([A-Z][\w.]+)`", simulated)}
    assert named - set(checks_of_the_simulation()) == set()
    files = [file for _, _, others in promises for file in re.findall(r"`(tests/[\w/]+\.py)`", others)]
    assert [file for file in files if not (ROOT / file).is_file()] == []


def test_no_scenario_is_missing() -> None:
    assert [scenario.number for scenario in scenarios()] == list(NUMBERS)
    assert sorted(files_of_tests()) == list(NUMBERS)


@pytest.mark.parametrize("scenario", scenarios(), ids=lambda scenario: f"F{scenario.number}")
def test_each_file_of_a_row_has_a_test_that_is_named_after_it(scenario: Scenario) -> None:
    assert scenario.files
    assert set(scenario.files) - files_of_tests()[scenario.number] == set()


@pytest.mark.parametrize("scenario", scenarios(), ids=lambda scenario: f"F{scenario.number}")
def test_the_levels_of_a_row_are_those_of_its_files(scenario: Scenario) -> None:
    tiers = {file.split("/")[0] for file in scenario.files}
    assert [level for level in scenario.levels if not tiers & LEVELS[level]] == []
    assert tiers <= set().union(*(LEVELS[level] for level in scenario.levels))
