"""Ten thousand checks a second: how many are made, in one process and in workers, and what it costs."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Final

from bench.configurations import CONNECT, HTTP, configuration, virtuals
from bench.farm import Farm, addresses, connections, farm
from bench.figure import Figure, Outcome, Target, ratio_at_most
from bench.ours import Ours
from harness.lab.fresh_namespace import fresh_namespace

REALS: Final = 10_000
INTERVAL: Final = 1
TIMEOUT: Final = 3
SETTLE_SECONDS: Final = 12.0
MEASURE_SECONDS: Final = 15.0
FORKED: Final = "fork = yes\nworkers = 2\n"

_HELD: Final = ratio_at_most(1.02, f"{REALS // INTERVAL:,} a second")


def measure(runs: int) -> Outcome:
    """Return how many microseconds pass from check to check, against those that should."""
    due = INTERVAL / REALS * 1e6
    figures = list[Figure]()
    with tempfile.TemporaryDirectory() as folder, fresh_namespace(), farm(Path(folder) / "farm") as servers:
        for name, words, head, target in (
            ("TCP connect, fork = yes", CONNECT, FORKED, _HELD),
            ("HTTP, fork = yes", HTTP, FORKED, _HELD),
            ("TCP connect, one process", CONNECT, "", None),
            ("HTTP, one process", HTTP, "", None),
        ):
            found = [_run(servers, words, head, Path(folder) / f"{len(figures)}-{run}") for run in range(runs)]
            apart = tuple(1e6 / rate for rate, _ in found)
            figures.append(_figure(f"{name}: time from check to check", apart, due, target))
            figures.append(Figure(f"{name}: CPU per check", "us", tuple(cost for _, cost in found)))
            print(f"{name}: {[round(rate) for rate, _ in found]} a second", flush=True)
    return Outcome(tuple(figures), notes=("The servers, one nginx, share the cores with the checks.",))


def _figure(what: str, apart: tuple[float, ...], due: float, target: Target | None) -> Figure:
    return Figure(what, "us", apart, (due,) * len(apart), "when they are due", target)


def _run(servers: Farm, words: str, head: str, folder: Path) -> tuple[float, float]:
    """Return how many checks are made in a second, and the CPU time of one in microseconds."""
    endpoints = [f"{address}:{servers.port}" for address in addresses(REALS)]
    with Ours(folder, configuration(virtuals(endpoints), words, INTERVAL, TIMEOUT, head)) as ours:
        time.sleep(SETTLE_SECONDS)
        spent, checks, began = ours.cpu_seconds(), connections(), time.monotonic()
        time.sleep(MEASURE_SECONDS)
        spent, checks = ours.cpu_seconds() - spent, connections() - checks
        seconds = time.monotonic() - began
        fallen = ours.log().count("Deleted real server")
    assert not fallen, f"{fallen} servers were taken out though they are well"
    return checks / seconds, spent / checks * 1e6
