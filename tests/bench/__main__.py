"""``python -m bench [--runs N] [--page] [NAME...]``: run benchmarks, print their tables, write docs/performance.md.

Each native benchmark runs in a separate process, those that need IPVS in one boot of a virtual machine (or here,
where this kernel has it). What a benchmark found is kept in docs/performance/NAME.json, and the page is written from
what is kept: so one benchmark can be repeated alone.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from compileall import compile_dir
from pathlib import Path

from bench.benchmarks import BENCHMARKS, Benchmark, Place, chosen, load, store
from bench.figure import Outcome
from bench.page import page, plain
from bench.plot import svg
from harness.host import ROOT, has_ipvs
from harness.lab.namespace import end
from harness.machines.kinds import EMULATED
from harness.machines.machine import MachineError, copy_output, machine

LEAST_RUNS = 3
PAGE = ROOT / "docs" / "performance.md"
KEPT = ROOT / "docs" / "performance"
TEMPLATE = Path(__file__).with_name("performance.md.in")
ALONE = (sys.executable, "-m", "bench.benchmarks")


def main(argv: Sequence[str]) -> int:
    """Return 0 when every benchmark asked for gave its figures; whether these are reached is for the reader."""
    arguments = _arguments(argv)
    if arguments.page:
        write_page()
        return 0
    try:
        wanted = chosen(arguments.names)
    except ValueError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    if os.geteuid() != 0:
        sys.stderr.write("benchmarks need root: keepalived does, and so do network namespaces\n")
        return 2
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        failed = measure_all(wanted, arguments.runs, Path(name))
        found = {path.stem: load(path) for path in sorted(Path(name).glob("*.json"))}
    for benchmark, outcome in found.items():
        print(f"\n{benchmark}\n{plain(outcome.figures)}", flush=True)
    if arguments.runs >= LEAST_RUNS:
        keep(found)
        write_page()
    return failed


def measure_all(wanted: Sequence[Benchmark], runs: int, folder: Path) -> int:
    """Run the benchmarks; each that succeeds leaves its outcome in ``folder``. Return how many batches failed."""
    here = [benchmark for benchmark in wanted if benchmark.place is Place.HERE or has_ipvs()]
    there = [benchmark for benchmark in wanted if benchmark not in here]
    failed = sum(_here(benchmark, runs, folder) for benchmark in here)
    return failed + (_there(there, runs, folder) if there else 0)


def keep(found: dict[str, Outcome]) -> None:
    """Keep outcomes for the page, in place of earlier ones of the same benchmarks."""
    KEPT.mkdir(exist_ok=True)
    for name, outcome in found.items():
        store(KEPT / f"{name}.json", outcome)


def write_page() -> None:
    """Write the page and its plots from what is kept."""
    paths = {benchmark.name: KEPT / f"{benchmark.name}.json" for benchmark in BENCHMARKS}
    outcomes = {name: load(path) for name, path in paths.items() if path.exists()}
    PAGE.write_text(page(TEMPLATE.read_text(), outcomes))
    for outcome in outcomes.values():
        for curve in outcome.curves:
            (KEPT / f"{curve.name}.svg").write_text(svg(curve))


def _here(benchmark: Benchmark, runs: int, folder: Path) -> bool:
    command = [*ALONE, str(folder), str(runs), benchmark.name]
    process = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": str(ROOT / "tests")})
    try:
        return process.wait(benchmark.seconds) != 0
    except subprocess.TimeoutExpired:
        sys.stderr.write(f"{benchmark.name} is not done after {benchmark.seconds:g} s\n")
        return True
    finally:
        end(process, signal.SIGINT)  # as Ctrl-C: it ends what it started


def _there(benchmarks: Sequence[Benchmark], runs: int, folder: Path) -> bool:
    """Run benchmarks in one machine, their output live; what was done before it failed counts.

    The package is compiled before, as by an installation: the machine cannot write into our tree.
    """
    compile_dir(ROOT / "ldirectord_py", quiet=1)
    seconds = sum(benchmark.seconds for benchmark in benchmarks)
    command = ["sh", "-c", f'"$@" "$MACHINE_OUT" {runs} {" ".join(b.name for b in benchmarks)}', "sh", *ALONE]
    try:
        with machine(EMULATED, command) as guest:
            try:
                return copy_output(guest, seconds) != 0
            finally:
                for path in guest.out.glob("*.json"):
                    (folder / path.name).write_bytes(path.read_bytes())
    except MachineError as error:
        sys.stderr.write(f"{error}\n")
        return True


def _arguments(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure, print, write docs/performance.md.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(benchmark.name for benchmark in BENCHMARKS))
    parser.add_argument("--runs", type=int, default=LEAST_RUNS, help="with fewer than 3 nothing is kept (default 3)")
    parser.add_argument("--page", action="store_true", help="measure nothing; write the page from what is kept")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
