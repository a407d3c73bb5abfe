"""Print how much of each package the unit tests ran; exit with 1 if a package's pure modules are below MIN_PURE.

`make coverage` measures first, then runs this: ``python -m harness.coverage``.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from coverage import Coverage

from harness.layers import MODULES, is_pure

MIN_PURE = 98.0
"""Percent of the lines and branches of each package's pure modules."""


@dataclass
class Count:
    """Lines and branches of some modules, and where each module was not run."""

    total: int = 0
    run: int = 0
    missing: dict[str, str] = field(default_factory=dict)

    def add(self, module: str, report: Mapping[str, object]) -> None:
        summary = report["summary"]
        assert isinstance(summary, dict)
        self.total += summary["num_statements"] + summary["num_branches"]
        self.run += summary["covered_lines"] + summary["covered_branches"]
        if places := [*_lines(report), *_branches(report)]:
            self.missing[module] = ", ".join(places)

    @property
    def percent(self) -> float:
        return 100 * self.run / self.total if self.total else 100.0

    @property
    def text(self) -> str:
        return f"{self.percent:.1f} %" if self.total else ""


def _lines(report: Mapping[str, object]) -> Iterator[str]:
    lines = report["missing_lines"]
    assert isinstance(lines, list)
    yield from map(str, lines)


def _branches(report: Mapping[str, object]) -> Iterator[str]:
    branches = report["missing_branches"]
    assert isinstance(branches, list)
    yield from (f"{start} -> {'exit' if end < 0 else end}" for start, end in branches)


def _measured() -> Iterator[tuple[str, Mapping[str, object]]]:
    """Yield each module with its part of coverage's JSON report."""
    names = {path: module for module, path in MODULES.items()}
    coverage = Coverage()
    coverage.load()
    with tempfile.NamedTemporaryFile() as file:
        coverage.json_report(outfile=file.name)
        files = json.loads(Path(file.name).read_bytes())["files"]
    for path, report in files.items():
        if (module := names.get(Path(path).resolve())) is not None:
            yield module, report


def main() -> int:
    """Print the table; return 1 if a package's pure modules are below the minimum."""
    every: dict[str, Count] = defaultdict(Count)
    pure: dict[str, Count] = defaultdict(Count)
    for module, report in _measured():
        package = module.rpartition(".")[0] or "(top)"
        every[package].add(module, report)
        if is_pure(module):
            pure[package].add(module, report)
    print(f"Lines and branches run by these tests. Pure modules do no I/O; they need at least {MIN_PURE:g} %.\n")
    print(f"{'package':<26}{'all':>9}{'pure':>10}")
    for package, count in sorted(every.items()):
        print(f"{package:<26}{count.text:>9}{pure[package].text:>10}")
    low = {package: count for package, count in pure.items() if count.percent < MIN_PURE}
    for package, count in sorted(low.items()):
        print(f"\n{package}: pure modules below {MIN_PURE:g} %; not run:")
        for module, places in count.missing.items():
            print(f"  {module}: {places}")
    return 1 if low else 0


if __name__ == "__main__":
    sys.exit(main())
