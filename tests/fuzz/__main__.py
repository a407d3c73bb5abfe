"""``python -m fuzz``: fuzzes every decoder of bytes from outside, or judges one input (``make fuzz``)."""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, NamedTuple

from fuzz.corpus import CORPUS, keep, save
from fuzz.target import FuzzTarget, judge, judge_memory
from fuzz.targets import TARGETS

FOLDER: Final = Path(__file__).parents[2] / ".cache/fuzz"
"""What was found, and what failed; kept from run to run."""

PROCESSES: Final = os.cpu_count() or 1

INPUT_TIMEOUT: Final = 20
"""Seconds after which an input counts as one that hangs."""

MAX_MEGABYTES: Final = 1024
"""Memory of a process that fuzzes."""


class FuzzRun(NamedTuple):
    """What came of fuzzing one target; ``failure`` is empty if nothing was found."""

    target: FuzzTarget
    executions: int
    seconds: float
    found: Path
    failure: str


def main() -> int:
    """Return 0 if no decoder failed."""
    arguments = _arguments()
    targets = [TARGETS[name] for name in arguments.names or TARGETS]
    if arguments.input:
        return _judge_file(targets[0], arguments.input)
    limit = (
        f"-runs={arguments.executions}"
        if arguments.executions
        else f"-max_total_time={_share(arguments.seconds, len(targets))}"
    )
    with ThreadPoolExecutor(PROCESSES) as pool:
        runs = list(pool.map(lambda target: _report(_fuzz(target, limit)), targets))
    print(f"{len(runs)} decoders, {sum(run.executions for run in runs):,} executions")
    if arguments.keep:
        for run in runs:
            print(f"{run.target.name}: {keep(run.target, _inputs(run.found))} inputs are kept")
    return 1 if any(run.failure for run in runs) else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m fuzz", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of a decoder: {', '.join(TARGETS)}")
    parser.add_argument("--seconds", type=int, default=60, help="for all decoders together")
    parser.add_argument("--executions", type=int, help="of each decoder, however long they take")
    parser.add_argument("--keep", action="store_true", help="keep the best inputs for the unit tests")
    parser.add_argument("--input", type=Path, metavar="FILE", help="judge this one with the decoder NAME")
    arguments = parser.parse_args()
    if unknown := set(arguments.names) - TARGETS.keys():
        parser.error(f"there is no decoder {min(unknown)}; there are: {', '.join(TARGETS)}")
    return arguments


def _share(seconds: int, count: int) -> int:
    return max(1, seconds * min(PROCESSES, count) // count)


def _judge_file(target: FuzzTarget, file: Path) -> int:
    judge(target, file.read_bytes())
    judge_memory(target, file.read_bytes())
    print(f"{target.name}: {file} is decoded or refused")
    return 0


def _fuzz(target: FuzzTarget, limit: str) -> FuzzRun:
    """Fuzz one target in a process of its own."""
    found, failed = FOLDER / target.name / "found", FOLDER / target.name / "failed"
    save(found, target.seeds)
    for folder in (failed, CORPUS / target.name):
        folder.mkdir(parents=True, exist_ok=True)
    flags = (
        *(limit, f"-max_len={target.max_length}", f"-timeout={INPUT_TIMEOUT}", f"-rss_limit_mb={MAX_MEGABYTES}"),
        *(f"-artifact_prefix={failed}/", "-print_final_stats=1"),
    )
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "fuzz.child", target.name, *flags, found, CORPUS / target.name],
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**os.environ, "PYTHONHASHSEED": "0"},
    )
    output = done.stdout.decode("utf-8", "replace")
    executions = re.findall(r"stat::number_of_executed_units: *(\d+)", output)
    failure = output[-4000:] if done.returncode else _too_large(target, found)
    return FuzzRun(target, int(executions[-1]) if executions else 0, time.monotonic() - began, found, failure)


def _inputs(folder: Path) -> list[bytes]:
    return [file.read_bytes() for file in sorted(folder.glob("*"))]


def _too_large(target: FuzzTarget, found: Path) -> str:
    """Return what is said of an input that takes too much memory, "" if none does."""
    try:
        for data in _inputs(found):
            judge_memory(target, data)
    except Exception as error:  # noqa: BLE001  it is reported
        return f"{error!r}: {data!r}"
    return ""


def _report(run: FuzzRun) -> FuzzRun:
    name, rate = run.target.name, run.executions / run.seconds
    print(f"{name:18} {run.executions:12,} executions {rate:9,.0f}/s {len(_inputs(run.found)):6,} inputs", flush=True)
    if run.failure:
        print(f"{name} FAILED\n{run.failure}\n  again: make fuzz NAMES={name} INPUT=FILE", file=sys.stderr, flush=True)
    return run


if __name__ == "__main__":
    sys.exit(main())
