"""More checks than this machine can do: no server that is well goes for it, and one that hangs does all the same."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.configurations import HTTP, configuration, virtuals
from bench.farm import addresses, connections, farm, overflows
from bench.figure import Figure, Outcome, ratio_at_most, value_at_most
from bench.watched import Watched
from harness.lab.fresh_namespace import fresh_namespace
from harness.lab.namespace import end, eventually

INTERVAL: Final = 1
TIMEOUT: Final = 3
FEW: Final = 500
SETTLE_SECONDS: Final = 5.0
MEASURE_SECONDS: Final = 25.0
OUT_WITHIN: Final = 90.0
BUSY: Final = (sys.executable, "-c", "while True: pass")


@dataclass(frozen=True, slots=True)
class Load:
    """How many servers are to be checked each second, by what, and beside how many busy processes."""

    name: str
    reals: int
    head: str = ""
    busy: int = 0


LOADS: Final = (
    Load("15,000 checks a second, one process", 15_000),
    Load("30,000 checks a second, two workers", 30_000, "fork = yes\nworkers = 2\n"),
    Load("15,000 checks a second beside two busy processes", 15_000, busy=2),
)


@dataclass(frozen=True, slots=True)
class Found:
    """How many healthy servers have ``fallen``, when the ill one was ``out``, and how ``late`` its checks began."""

    rate: float
    fallen: int
    out: float
    late: float
    late_after: float


def measure(runs: int) -> Outcome:
    """Return what happens under each load."""
    figures, notes = list[Figure](), list[str]()
    for load in LOADS:
        found = [_run(load) for _ in range(runs)]
        figures += _figures(load, found)
        made = ", ".join(f"{each.rate:,.0f}" for each in found)
        notes.append(f"{load.name}: {made} are made, the others begin late.")
        print(load.name, *found, sep="\n", flush=True)
    return Outcome(tuple(figures), notes=tuple(notes))


def _figures(load: Load, found: list[Found]) -> list[Figure]:
    fallen, out = tuple(float(each.fallen) for each in found), tuple(each.out for each in found)
    explained = tuple(INTERVAL + TIMEOUT + each.late for each in found)
    hung = f"{load.name}: one that hangs is out"
    twice = ratio_at_most(2, "at most twice what the lateness explains")
    return [
        Figure(f"{load.name}: servers out though they are well", "", fallen, target=value_at_most(0, "", "none")),
        Figure(hung, "s", out, explained, "interval, timeout, lateness", twice),
        Figure(f"{load.name}: its checks began late by at most", "s", tuple(each.late for each in found)),
        *_afterwards(load, found),
    ]


def _afterwards(load: Load, found: list[Found]) -> list[Figure]:
    if load.head:  # workers are not watched from within
        return []
    late = tuple(each.late_after for each in found)
    on_time = value_at_most(INTERVAL, "s", "on time again")
    return [Figure(f"{load.name}: begun late at most, an interval after the load", "s", late, target=on_time)]


def _run(load: Load) -> Found:
    with (
        tempfile.TemporaryDirectory() as folder,
        fresh_namespace(),
        farm(Path(folder) / "well") as well,
        farm(Path(folder) / "ill", 8090, 8490, timed=True) as ill,
    ):
        endpoints = [f"{address}:{well.port}" for address in addresses(load.reals)]
        endpoints[0] = f"{addresses(1)[0]}:{ill.port}"
        with Watched(Path(folder) / "ours", _configuration(endpoints, load)) as ours:

            def tail() -> str:
                return f"{overflows()} connections dropped by the servers\n{ours.log()[-2000:]}"

            eventually(lambda: _count(ours, "Added real server") >= load.reals, 120, tail)
            with _busy(load.busy):
                time.sleep(SETTLE_SECONDS)
                ill.times.write_bytes(b"")
                made, began = connections(), time.monotonic()
                time.sleep(MEASURE_SECONDS)
                rate = (connections() - made) / (time.monotonic() - began)
                late = ill.longest_wait() - INTERVAL
                fallen = _count(ours, "Deleted real server")
                ill.hang()
                out = eventually(lambda: _count(ours, "Deleted real server") > fallen, OUT_WITHIN, tail)
                fallen = _count(ours, "Deleted real server") - 1
            ours.configure(_configuration(endpoints[:FEW], load))
            ours.reload()
            gone = load.reals - FEW
            eventually(lambda: _count(ours, "Purged real server (reload)") >= gone, 120, tail)
            time.sleep(INTERVAL)
            ours.forget()
            time.sleep(2 * INTERVAL + 2)
            return Found(rate, fallen, out, late, ours.late(100))


def _configuration(endpoints: list[str], load: Load) -> str:
    return configuration(virtuals(endpoints), HTTP, INTERVAL, TIMEOUT, load.head)


def _count(ours: Watched, words: str) -> int:
    return ours.log().count(words)


@contextmanager
def _busy(count: int) -> Iterator[None]:
    processes = [subprocess.Popen(BUSY) for _ in range(count)]
    try:
        yield
    finally:
        for process in processes:
            end(process)
