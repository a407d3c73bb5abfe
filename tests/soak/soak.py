"""Soaks a daemon in reloads, flapping and hung servers, and measures whether it grows."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from sched import scheduler
from typing import Final, NamedTuple

from bench.process import family, pss_bytes, rss_bytes
from harness.lab.fresh_namespace import fresh_namespace
from harness.lab.namespace import eventually
from harness.unexpected import in_log
from soak.daemon import SoakedDaemon
from soak.recorder import Line, idle_process, lines
from soak.site import Site, site
from soak.slopes import Point
from soak.trends import MAX_LAG_GROWTH, Finding, Trend, by_cycle, late_percentile, level_trend

LOOK_INTERVAL: Final = 1.0
"""Seconds between two looks at the process."""

START_TIMEOUT: Final = 120.0

WARM_UP: Final = 60.0


@dataclass(frozen=True, slots=True)
class Load:
    """Checks a second; seconds of the soak, of its first part that does not count, and of a cycle."""

    rate: int
    seconds: float
    warm_up: float = WARM_UP
    cycle: float = 20.0

    @property
    def cycles(self) -> int:
        """How many cycles there are."""
        return round(self.seconds / self.cycle)


class Soaked(NamedTuple):
    """What came of a soak; ``rate`` is how many checks began in a second, ``faults`` are lines of the log.

    ``traced`` says where memory grew, if that was traced.
    """

    trends: Sequence[Trend]
    rate: float
    reloads: int
    changes: int
    faults: Sequence[str]
    traced: str

    @property
    def passed(self) -> bool:
        """Whether nothing grows, and no check failed unexpectedly."""
        return not self.faults and all(trend.finding is not Finding.GROWS for trend in self.trends)


def soak(folder: Path, load: Load) -> Soaked:
    """Run a soak; needs root, nginx and nft."""
    with (
        fresh_namespace(),
        site(folder, load.rate) as servers,
        idle_process(folder / "idle") as idle,
        SoakedDaemon(folder / "ours", servers.configuration(0)) as daemon,
    ):
        eventually(lambda: _count(daemon, "Added real server") >= 0.9 * load.rate, START_TIMEOUT, daemon.log)
        began = time.monotonic()
        looks = _run(daemon, servers, load)
        return _evaluate(daemon, looks, lines(idle), load, began + load.warm_up)


def _run(daemon: SoakedDaemon, servers: Site, load: Load) -> Mapping[str, Sequence[Point]]:
    """Go through all cycles; return what is seen of the process."""
    plan, began = scheduler(time.monotonic, time.sleep), time.monotonic()
    looks = defaultdict[str, list[Point]](list)

    def look() -> None:
        for name, value in _look(daemon.pid):
            looks[name].append((time.monotonic(), value))

    for cycle in range(load.cycles):
        for share, act in _script(daemon, servers):
            plan.enterabs(began + (cycle + share) * load.cycle, 1, act)
    for number in range(int(load.seconds / LOOK_INTERVAL) + 1):
        plan.enterabs(began + number * LOOK_INTERVAL, 2, look)
    plan.run()
    return looks


def _script(daemon: SoakedDaemon, servers: Site) -> Sequence[tuple[float, Callable[[], None]]]:
    """Return what happens in a cycle, and after which share of it."""

    def reload(number: int) -> Callable[[], None]:
        def act() -> None:
            daemon.configure(servers.configuration(number))
            daemon.reload()

        return act

    return (
        *((number / 4 + 0.05, reload(number)) for number in range(4)),
        *((0.1, servers.hanging.hang), (0.5, servers.hanging.resume)),
        *((0.2, servers.refuse), (0.6, servers.accept)),
        *((0.35, lambda: daemon.ask("show")), (0.85, lambda: daemon.ask("counters"))),
    )


def _look(pid: int) -> Iterator[tuple[str, float]]:
    yield "RSS", rss_bytes(pid) / 1e6
    yield "PSS", pss_bytes(pid) / 1e6
    for name, folder in (("descriptors", "fd"), ("threads", "task")):
        yield name, sum(1 for _ in Path(f"/proc/{pid}/{folder}").iterdir())
    yield "processes", len(family(pid))


def _evaluate(
    daemon: SoakedDaemon, looks: Mapping[str, Sequence[Point]], idle: Sequence[Line], load: Load, since: float
) -> Soaked:
    own = daemon.lines()
    levels = {**looks, "tasks": [(line.at, float(line.tasks)) for line in own]}
    trends = [
        level_trend(name, "MB" if name.endswith("SS") else "", by_cycle(points, since, load.cycle))
        for name, points in levels.items()
    ]
    begun = [line for line in own if line.at >= since]
    return Soaked(
        (*trends, _lag_trend(own, idle, load, since)),
        sum(line.begun for line in begun[1:]) / (begun[-1].at - begun[0].at),
        _count(daemon, "Reloading Linux Director Daemon config"),
        _count(daemon, "Added real server") + _count(daemon, "Deleted real server"),
        in_log(daemon.log()),
        daemon.traced(),
    )


def _lag_trend(own: Sequence[Line], idle: Sequence[Line], load: Load, since: float) -> Trend:
    """Return the trend of the lag beyond that of a process which does nothing: the host's share changes by itself."""
    late, noise = (
        by_cycle(((line.at, lag) for line in each for lag in line.lags), since, load.cycle, late_percentile)
        for each in (own, idle)
    )
    points = [(at, lag - less) for (at, lag), (_, less) in zip(late, noise, strict=False)]
    return Trend("lag, 99 %", "ms", points, MAX_LAG_GROWTH)


def _count(daemon: SoakedDaemon, words: str) -> int:
    return daemon.log().count(words)
