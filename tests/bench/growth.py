"""From 100 to 10,000 real servers: what a check costs, how soon failures are found, how much memory there is."""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.configurations import HTTP, configuration, virtuals
from bench.detection import until_out
from bench.farm import connections, halves
from bench.figure import Curve, Figure, Outcome, ratio_at_most, value_at_most
from bench.ours import Ours
from harness.lab.fresh_namespace import fresh_namespace
from ldirectord_py.daemon.probing.prober import FIRST_PROBE_INTERVAL

SIZES: Final = (100, 1000, 5000, 10_000)
RATE: Final = 100
INTERVAL: Final = 10
TIMEOUT: Final = 3
SETTLE_SECONDS: Final = 5.0
MEASURE_SECONDS: Final = 20.0
FLAT: Final = 1.2
NOTES: Final = (
    f"CPU and memory: {RATE} checks a second at every size, by the checkinterval.",
    f"Detection: checkinterval {INTERVAL} s, negotiatetimeout {TIMEOUT} s; half of the servers hang at once.",
)


@dataclass(frozen=True, slots=True)
class Point:
    """What was found at one size: us, bytes, seconds."""

    cost: float
    memory: float
    detection: float


def measure(runs: int) -> Outcome:
    """Return the growth of each, the smallest size being the peer of the largest."""
    found = {size: [_point(size) for _ in range(runs)] for size in SIZES}
    first, last = found[SIZES[0]], found[SIZES[-1]]
    peer, largest = f"{SIZES[0]} reals", f"{SIZES[-1]:,} reals"
    each = tuple((b.memory - a.memory) / (SIZES[-1] - SIZES[0]) / 1000 for a, b in zip(first, last, strict=True))
    flat = ratio_at_most(FLAT)
    figures = (
        Figure(f"CPU per HTTP check at {RATE} a second, {largest}", "us", _costs(last), _costs(first), peer, flat),
        Figure(f"last of half the servers out, {largest}", "s", _times(last), _times(first), peer, flat),
        Figure("memory per real server", "kB", each, target=value_at_most(3, "kB")),
        Figure("memory (PSS), 100 reals", "MB", _megabytes(found[100]), target=value_at_most(45, "MB")),
        Figure("memory (PSS), 5,000 reals", "MB", _megabytes(found[5000]), target=value_at_most(60, "MB")),
    )
    return Outcome(figures, tuple(_curves(found)), NOTES)


def _point(size: int) -> Point:
    """Return what is found with so many servers, checked at one rate, and of which half are hung then."""
    with (
        tempfile.TemporaryDirectory() as folder,
        fresh_namespace(),
        halves(Path(folder), size) as (endpoints, ill),
    ):
        servers = virtuals(endpoints)
        with Ours(Path(folder) / "steady", configuration(servers, HTTP, size // RATE, TIMEOUT)) as ours:
            time.sleep(size * FIRST_PROBE_INTERVAL + SETTLE_SECONDS)
            spent, checks = ours.cpu_seconds(), connections()
            time.sleep(MEASURE_SECONDS)
            cost = (ours.cpu_seconds() - spent) / (connections() - checks) * 1e6
            memory = ours.pss_bytes()
        with Ours(Path(folder) / "failing", configuration(servers, HTTP, INTERVAL, TIMEOUT)) as ours:
            time.sleep(INTERVAL + SETTLE_SECONDS)
            out = until_out(ours, ill, size // 2, within=3 * (INTERVAL + TIMEOUT))
    print(f"{size} reals: {cost:.1f} us, {memory / 1e6:.1f} MB, last out after {out[-1]:.2f} s", flush=True)
    return Point(cost, memory, out[-1])


def _costs(points: list[Point]) -> tuple[float, ...]:
    return tuple(point.cost for point in points)


def _times(points: list[Point]) -> tuple[float, ...]:
    return tuple(point.detection for point in points)


def _megabytes(points: list[Point]) -> tuple[float, ...]:
    return tuple(point.memory / 1e6 for point in points)


def _curves(found: dict[int, list[Point]]) -> list[Curve]:
    """Return a plot of the best run of each size."""

    def curve(name: str, title: str, label: str, field: str, scale: float = 1.0) -> Curve:
        points = tuple(
            (float(size), min(getattr(point, field) for point in points) / scale) for size, points in found.items()
        )
        return Curve(name, title, "real servers", label, {"ours": points}, log_x=True)

    return [
        curve("growth-cpu", "CPU per HTTP check", "us", "cost"),
        curve("growth-memory", "Memory (PSS)", "MB", "memory", 1e6),
        curve("growth-detection", "Last of half the servers out", "s", "detection"),
    ]
