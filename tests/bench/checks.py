"""What a check costs: CPU time per check at a steady rate, beside keepalived, on the same servers at the same pace."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Final

from bench import keepalived
from bench.configurations import CONNECT, HTTP, configuration, virtuals
from bench.farm import Farm, addresses, connections, farm
from bench.figure import Figure, Outcome, ratio_at_most
from bench.keepalived import Keepalived
from bench.namespaces import fresh_namespace
from bench.ours import Ours
from bench.subject import Subject

REALS: Final = 2000
INTERVAL: Final = 2
TIMEOUT: Final = 3
SETTLE_SECONDS: Final = 6.0
MEASURE_SECONDS: Final = 20.0


def measure(runs: int) -> Outcome:
    """Return the cost of each kind of check."""
    with tempfile.TemporaryDirectory() as folder, fresh_namespace(), farm(Path(folder) / "farm") as servers:
        kinds = {"TCP connect": keepalived.Check.TCP, "HTTP": keepalived.Check.HTTP}
        return Outcome(tuple(_figure(name, check, servers, Path(folder), runs) for name, check in kinds.items()))


def _figure(name: str, check: keepalived.Check, servers: Farm, folder: Path, runs: int) -> Figure:
    ours, theirs = [], []
    for run in range(runs):
        theirs.append(cost(_keepalived(check, servers, folder / f"k-{check}-{run}")))
        ours.append(cost(_ours(check, servers, folder / f"o-{check}-{run}")))
        print(f"{name}: ours {ours[-1]:.1f}, keepalived {theirs[-1]:.1f} us", flush=True)
    what = f"CPU per {name} check at {REALS // INTERVAL} a second"
    return Figure(what, "us", tuple(ours), tuple(theirs), "keepalived", ratio_at_most(1))


def cost(subject: Subject) -> float:
    """Return the CPU time of one check in microseconds, once the start is over."""
    with subject as director:
        time.sleep(SETTLE_SECONDS)
        before, checks, began = director.cpu_seconds(), connections(), time.monotonic()
        time.sleep(MEASURE_SECONDS)
        spent, made = director.cpu_seconds() - before, connections() - checks
        rate = made / (time.monotonic() - began)
    assert rate > 0.7 * REALS / INTERVAL, f"only {rate:.0f} checks a second"
    return spent / made * 1e6


def _endpoints(servers: Farm) -> list[str]:
    return [f"{address}:{servers.port}" for address in addresses(REALS)]


def _keepalived(check: keepalived.Check, servers: Farm, folder: Path) -> Keepalived:
    return Keepalived(folder, keepalived.configuration(virtuals(_endpoints(servers)), check, INTERVAL, TIMEOUT))


def _ours(check: keepalived.Check, servers: Farm, folder: Path) -> Ours:
    words = {keepalived.Check.TCP: CONNECT, keepalived.Check.HTTP: HTTP}[check]
    return Ours(folder, configuration(virtuals(_endpoints(servers)), words, INTERVAL, TIMEOUT))
