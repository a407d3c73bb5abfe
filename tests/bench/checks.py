"""What a check costs: CPU time per check at a steady rate, beside keepalived and beside a bare C program on epoll."""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final

from bench import keepalived
from bench.configurations import CONNECT, HTTP, configuration, virtuals
from bench.farm import Farm, addresses, connections, farm
from bench.figure import Figure, Outcome, ratio_at_most
from bench.floor import PEER, Floor
from bench.keepalived import Keepalived
from bench.ours import Ours
from bench.process import family, kernel_seconds
from bench.subject import Subject
from harness.lab.fresh_namespace import fresh_namespace

REALS: Final = 2000
INTERVAL: Final = 2
TIMEOUT: Final = 3
SETTLE_SECONDS: Final = 6.0
MEASURE_SECONDS: Final = 20.0
TARGETS: Final = {keepalived.Check.TCP: 1.0, keepalived.Check.HTTP: 1.1}


@dataclass(frozen=True, slots=True)
class Cost:
    """What one check costs: CPU time in microseconds, and which part of it is the kernel's."""

    microseconds: float
    kernel: float


def measure(runs: int) -> Outcome:
    """Return the cost of each kind of check."""
    with tempfile.TemporaryDirectory() as folder, fresh_namespace(), farm(Path(folder) / "farm") as servers:
        kinds = {"TCP connect": keepalived.Check.TCP, "HTTP": keepalived.Check.HTTP}
        found = [_measured(name, check, servers, Path(folder), runs) for name, check in kinds.items()]
    return Outcome(tuple(figure for figures, _ in found for figure in figures), notes=tuple(note for _, note in found))


def _measured(
    name: str, check: keepalived.Check, servers: Farm, folder: Path, runs: int
) -> tuple[tuple[Figure, Figure], str]:
    ours, theirs, floor = list[Cost](), list[Cost](), list[Cost]()
    for run in range(runs):
        theirs.append(cost(_keepalived(check, servers, folder / f"k-{check}-{run}")))
        ours.append(cost(_ours(check, servers, folder / f"o-{check}-{run}")))
        floor.append(cost(_floor(check, servers, folder / f"f-{check}-{run}")))
        costs = (ours[-1].microseconds, theirs[-1].microseconds, floor[-1].microseconds)
        print(f"{name}: ours {costs[0]:.1f}, keepalived {costs[1]:.1f}, the floor {costs[2]:.1f} us", flush=True)
    our_times, their_times, least = (tuple(each.microseconds for each in costs) for costs in (ours, theirs, floor))
    what = f"CPU per {name} check at {REALS // INTERVAL} a second"
    figure = Figure(what, "us", our_times, their_times, "keepalived", ratio_at_most(TARGETS[check]))
    note = f"{name}: the kernel takes {_share(ours)} of our time, and {_share(theirs)} of keepalived's."
    return (figure, Figure("the same beside the floor", "us", our_times, least, PEER)), note


def _share(costs: list[Cost]) -> str:
    return f"{median(each.kernel for each in costs):.0%}"


def cost(subject: Subject) -> Cost:
    """Return the cost of a check once the start is over."""
    with subject as director:
        time.sleep(SETTLE_SECONDS)
        spent, kernel, checks = director.cpu_seconds(), _kernel_seconds(director), connections()
        began = time.monotonic()
        time.sleep(MEASURE_SECONDS)
        spent, kernel = director.cpu_seconds() - spent, _kernel_seconds(director) - kernel
        checks, seconds = connections() - checks, time.monotonic() - began
    assert checks > 0.7 * seconds * REALS / INTERVAL, f"only {checks / seconds:.0f} checks a second"
    return Cost(spent / checks * 1e6, kernel / spent)


def _kernel_seconds(subject: Subject) -> float:
    return sum(map(kernel_seconds, family(subject.pid)))


def _endpoints(servers: Farm) -> list[str]:
    return [f"{address}:{servers.port}" for address in addresses(REALS)]


def _keepalived(check: keepalived.Check, servers: Farm, folder: Path) -> Keepalived:
    return Keepalived(folder, keepalived.configuration(virtuals(_endpoints(servers)), check, INTERVAL, TIMEOUT))


def _floor(check: keepalived.Check, servers: Farm, folder: Path) -> Floor:
    return Floor(folder, "tcp" if check is keepalived.Check.TCP else "http", servers.port, REALS, INTERVAL)


def _ours(check: keepalived.Check, servers: Farm, folder: Path) -> Ours:
    words = {keepalived.Check.TCP: CONNECT, keepalived.Check.HTTP: HTTP}[check]
    return Ours(folder, configuration(virtuals(_endpoints(servers)), words, INTERVAL, TIMEOUT))
