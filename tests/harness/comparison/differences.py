"""The rows of docs/differences.md, and the markers of tests and the scenarios that name them."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final
from unittest.mock import MagicMock

from harness.comparison.farm_network import FOUR, SIX
from harness.comparison.scenario import Run, Scenario
from harness.host import ROOT
from harness.lab.ip_vs_table import Weights

PAGE: Final = ROOT / "docs" / "differences.md"
MARKER: Final = "difference"


def rows(page: str) -> list[str]:
    """Return the name of each row that has one: its first cell without bold marks."""
    cells = (line.split(" | ")[0].removeprefix("|").strip() for line in page.splitlines() if line.startswith("| "))
    return [cell.replace("**", "") for cell in cells if "**" in cell]


def marked(folder: Path) -> set[str]:
    """Return the names in the markers of all tests in ``folder``."""
    texts = (path.read_text() for path in folder.rglob("test_*.py"))
    return {name for text in texts if f".{MARKER}(" in text for name in _named(ast.parse(text))}


def _named(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == MARKER:
            yield from (str(word.value) for word in node.args if isinstance(word, ast.Constant))


class DryRun(Run):
    """A run without daemons, servers or waits, which only collects the names of differences."""

    def __init__(self, folder: Path, *, ours: bool) -> None:
        self.ours, self.folder = ours, folder
        self.network = self.director = self.farm = self.daemon = MagicMock()
        self.director.netns = "none"
        self.farm.addresses = (*FOUR, *SIX)
        self.commands = folder / "commands"
        self.named: set[str] = set()

    def configure(self, text: str) -> None:
        """Write nothing."""

    def receive_mails(self) -> Callable[[], object]:
        """Start no server."""
        return lambda: None

    def await_mails(self, *, original: int, ours: int) -> None:
        """Do not wait."""

    def await_text(self, path: Path, text: str, times: int) -> None:
        """Do not wait."""

    def assert_log(self, *, original: str = "", ours: str = "") -> None:
        """Assert nothing."""

    def assert_original_only(self, row: str, holds: bool) -> None:
        """Record the name."""
        self.named.add(row)

    def checkpoint(self, name: str, table: Weights, /, *, ours: Weights | None = None, **differs: str) -> None:
        """Record the names."""
        self.named.update(differs.values())


def rows_of_scenario(scenario: Scenario, folder: Path) -> set[str]:
    """Return the rows that a scenario names, with either daemon."""
    runs = [DryRun(folder, ours=ours) for ours in (False, True)]
    for run in runs:
        scenario(run)
    return {name for run in runs for name in run.named}
