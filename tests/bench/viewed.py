"""5,000 servers, without and with those who look at them: what that costs the daemon, and how it delays it."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, pairwise
from pathlib import Path
from statistics import median
from typing import Final

from bench.configurations import HTTP, configuration, virtuals
from bench.farm import addresses, connections, farm
from bench.figure import Figure, Outcome, ratio_at_most, value_at_most
from bench.ours import Ours
from bench.process import own_cpu_seconds
from bench.viewers import Viewers, viewers
from bench.watched import Watched
from harness.lab.fresh_namespace import fresh_namespace
from harness.readable_python import readable_by_all
from ldirectord_py.daemon.probing.prober import FIRST_PROBE_INTERVAL

REALS: Final = 5000
INTERVAL: Final = 10
TIMEOUT: Final = 3
PORT: Final = 9109
LISTEN: Final = f"listen = {PORT}\n"
ROUNDS: Final = 3
"""How often viewers come and go in a run; each time is compared with those just before and after, as machines drift."""
SETTLE_SECONDS: Final = 5.0
COST_SECONDS: Final = 20.0
LAG_SECONDS: Final = 30.0
NOTES: Final = (
    f"{REALS:,} HTTP checks every {INTERVAL} s, the default. The peer is the same process before and after.",
    f"Viewers come and go {ROUNDS} times in each run, and each time is compared with the mean of those around it.",
    "Everything shares two cores: the servers, the process of the page, a browser, a scraper every 5 s, and top.",
)


@dataclass(frozen=True, slots=True)
class View:
    """What was found in one run: CPU for each check in microseconds, in each round; lag of the loop (99th percentile),
    slowest scrape and the first screen of ``top`` in seconds.
    """

    unseen: tuple[float, ...]
    seen: tuple[float, ...]
    lag_unseen: float
    lag_seen: float
    scrape: float
    screen: float


def measure(runs: int) -> Outcome:
    """Return CPU for each check and lag of the loop, with and without viewers, and how long these wait."""
    found = [_run() for _ in range(runs)]
    seen = tuple(chain.from_iterable(each.seen for each in found))
    unseen = tuple(chain.from_iterable(each.unseen for each in found))
    lag = tuple(1000 * each.lag_seen for each in found)
    lag_unseen = tuple(1000 * each.lag_unseen for each in found)
    nobody = "nobody looks"
    at_most = ratio_at_most(1.05)
    figures = (
        Figure("CPU per check while page, scraper and top are open", "us", seen, unseen, nobody, at_most),
        Figure("lag of the loop, 99th percentile", "ms", lag, lag_unseen, nobody, value_at_most(20, "ms")),
        Figure("slowest scrape", "s", tuple(each.scrape for each in found), target=value_at_most(0.5, "s")),
        Figure("first screen of top", "s", tuple(each.screen for each in found), target=value_at_most(0.3, "s")),
    )
    return Outcome(figures, notes=NOTES)


def _run() -> View:
    with tempfile.TemporaryDirectory() as name, fresh_namespace(), farm(Path(name) / "farm") as servers:
        folder = Path(name)
        folder.chmod(0o755)
        endpoints = [f"{address}:{servers.port}" for address in addresses(REALS)]
        with Ours(folder / "cost", _configuration(endpoints), readable_by_all()) as ours:
            _settle()
            without = [_cost(ours)]
            rounds: list[tuple[float, Viewers]] = []
            for _ in range(ROUNDS):
                rounds.append(_viewed_cost(ours, endpoints))
                _switch_page(ours, endpoints, "")
                time.sleep(SETTLE_SECONDS)
                without.append(_cost(ours))
        lags = _lags(folder / "lag", endpoints)
    seen, looking = zip(*rounds, strict=True)
    print(f"unseen {_text(without)}, seen {_text(seen)} us per check", flush=True)
    unseen = tuple((before + after) / 2 for before, after in pairwise(without))
    return View(unseen, seen, *lags, _slowest(looking), max(each.screen for each in looking))


def _viewed_cost(ours: Ours, endpoints: Sequence[str]) -> tuple[float, Viewers]:
    """Return the cost of a check while somebody looks, and who looked."""
    _switch_page(ours, endpoints, LISTEN)
    with viewers(ours, PORT) as looking:
        time.sleep(SETTLE_SECONDS)
        return _cost(ours), looking


def _slowest(looking: Sequence[Viewers]) -> float:
    """Return the seconds of the slowest scrape."""
    scrapes = [seconds for each in looking for seconds in each.scrapes]
    print(f"scrapes {median(scrapes):.3f} s, {max(looking[-1].lengths) / 1e6:.1f} MB", flush=True)
    return max(scrapes)


def _text(costs: Sequence[float]) -> str:
    return ", ".join(f"{cost:.1f}" for cost in costs)


def _lags(folder: Path, endpoints: Sequence[str]) -> tuple[float, float]:
    """Return the lag without and with viewers; to watch it from within costs a little itself."""
    with Watched(folder, _configuration(endpoints), readable_by_all()) as ours:
        _settle()
        ours.forget()
        time.sleep(LAG_SECONDS)
        unseen = ours.lag(99)
        _switch_page(ours, endpoints, LISTEN)
        with viewers(ours, PORT):
            time.sleep(SETTLE_SECONDS)
            ours.forget()
            time.sleep(LAG_SECONDS)
            return unseen, ours.lag(99)


def _settle() -> None:
    time.sleep(REALS * FIRST_PROBE_INTERVAL + INTERVAL + SETTLE_SECONDS)


def _switch_page(ours: Ours, endpoints: Sequence[str], head: str) -> None:
    ours.configure(_configuration(endpoints, head))
    ours.reload()


def _cost(ours: Ours) -> float:
    """Return the CPU time of the daemon alone for each check in microseconds."""
    spent, checks = own_cpu_seconds(ours.pid), connections()
    time.sleep(COST_SECONDS)
    return (own_cpu_seconds(ours.pid) - spent) / (connections() - checks) * 1e6


def _configuration(endpoints: Sequence[str], head: str = "") -> str:
    return configuration(virtuals(endpoints), HTTP, INTERVAL, TIMEOUT, head)
