"""``python -m mutation``: tries every mutant of the modules that decide, or of some (``make mutation``)."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, NamedTuple

from mutation.modules import TEST_FILES
from mutation.survivors import explanations, file_of

FOLDER: Final = Path(__file__).parents[2] / ".cache/mutation"

MIN_KILLED: Final = 0.95
"""The share of the mutants of a module that its tests have to kill; each other one has to be explained."""


class Report(NamedTuple):
    """What came of a module; ``failure`` is empty if it was tried."""

    module: str
    mutants: int
    survivors: list[str]
    seconds: float
    failure: str


def main() -> int:
    """Return 0 if enough mutants were killed and each survivor is explained."""
    arguments = _arguments()
    FOLDER.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(arguments.processes) as pool:
        good = list(pool.map(lambda module: _is_good(_tried(module)), arguments.names or TEST_FILES))
    return 0 if all(good) else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m mutation", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of a module: {', '.join(TEST_FILES)}")
    parser.add_argument("--processes", type=int, default=os.cpu_count(), help="modules at once")
    arguments = parser.parse_args()
    if unknown := set(arguments.names) - TEST_FILES.keys():
        parser.error(f"there is no module {min(unknown)}; there are: {', '.join(TEST_FILES)}")
    return arguments


def _tried(module: str) -> Report:
    """Try a module in a process of its own."""
    file = FOLDER / f"{module}.json"
    file.unlink(missing_ok=True)
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "mutation.child", module, str(file)],
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        # Sets have the same order in each run; our own functions may hold the loop of a mutant.
        env={**os.environ, "PYTHONHASHSEED": "0", "LOOP_GUARD": "off"},
    )
    seconds = time.monotonic() - began
    if done.returncode:
        return Report(module, 0, [], seconds, done.stdout[-4000:])
    mutants, survivors = json.loads(file.read_text())
    return Report(module, mutants, survivors, seconds, "")


def _is_good(report: Report) -> bool:
    """Print what came of a module; return whether nothing is left to do."""
    module, mutants, survivors, seconds, failure = report
    if failure:
        print(f"{module} FAILED\n{failure}", file=sys.stderr, flush=True)
        return False
    killed = mutants - len(survivors)
    explained = explanations(module)
    print(
        f"{module:36} {mutants:5} mutants {killed:5} killed {100 * killed / mutants:6.1f} % "
        f"{len(survivors):4} survivors {seconds:6.0f} s",
        flush=True,
    )
    return all([_is_explained(module, survivors, explained), killed >= MIN_KILLED * mutants])


def _is_explained(module: str, survivors: list[str], explained: Mapping[str, str]) -> bool:
    """Print which survivors have no explanation, and which explanations no survivor; return whether all have one."""
    unexplained = [name for name in survivors if name not in explained]
    for name in unexplained:
        print(f"  {name}")
    if unexplained:
        print(f"  no test notices these {len(unexplained)}: write one, or explain them in {file_of(module)}")
    for name in explained.keys() - set(survivors):
        print(f"  explained, but killed: {name}")
    return not unexplained


if __name__ == "__main__":
    sys.exit(main())
