"""The benchmarks by name, where each runs, and how one is run: ``python -m bench.benchmarks FOLDER RUNS NAME...``."""

from __future__ import annotations

import importlib
import json
import sys
import traceback
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto
from pathlib import Path

from bench.figure import Outcome
from bench.host import describe


class Place(Enum):
    """Where a benchmark runs: natively, or where there is an IPVS."""

    HERE = auto()
    KERNEL = auto()


@dataclass(frozen=True, slots=True)
class Benchmark:
    """A module of this package with ``measure(runs: int) -> Outcome``; ``seconds`` is the longest that it may take."""

    name: str
    place: Place
    seconds: float = 900.0


BENCHMARKS = (
    Benchmark("table", Place.KERNEL),
    Benchmark("start", Place.KERNEL),
    Benchmark("change", Place.KERNEL),
    Benchmark("director", Place.KERNEL, 1800),
    Benchmark("reload", Place.HERE),
    Benchmark("checks", Place.HERE, seconds=1800.0),
    Benchmark("tls", Place.HERE),
    Benchmark("detection", Place.HERE),
    Benchmark("growth", Place.HERE, 1800),
    Benchmark("viewed", Place.HERE, 2400),
    Benchmark("painted", Place.HERE),
    Benchmark("saturation", Place.HERE),
    Benchmark("overload", Place.HERE, 1800),
)


def measure(name: str, runs: int) -> Outcome:
    """Return what the benchmark found, and where."""
    host = describe()
    found = importlib.import_module(f"bench.{name}").measure(runs)
    assert isinstance(found, Outcome), f"bench.{name}.measure returns no Outcome"
    return replace(found, host=host)


def store(path: Path, outcome: Outcome) -> None:
    """Write an outcome as ``load`` reads it."""
    path.write_text(json.dumps(outcome.as_json(), indent=1) + "\n")


def load(path: Path) -> Outcome:
    """Return the outcome that ``store`` wrote."""
    return Outcome.of_json(json.loads(path.read_text()))


def main(folder: str, runs: str, *names: str) -> int:
    """Run benchmarks one after the other; write what each found to ``FOLDER/NAME.json``; 1 when one of them failed."""
    failed = 0
    for name in names:
        print(f"--- {name}", flush=True)
        try:
            store(Path(folder) / f"{name}.json", measure(name, int(runs)))
        except Exception:  # noqa: BLE001 - the others are measured all the same
            traceback.print_exc()
            failed = 1
    return failed


def chosen(names: Sequence[str]) -> list[Benchmark]:
    """Return the benchmarks of these names, all when there are none; ValueError for a name that is none."""
    if unknown := set(names) - {benchmark.name for benchmark in BENCHMARKS}:
        raise ValueError(f"no such benchmark: {', '.join(sorted(unknown))}")
    return [benchmark for benchmark in BENCHMARKS if not names or benchmark.name in names]


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
