"""5,000 servers, without and with those who look at them: what that costs the daemon, and how it delays it."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final

from bench.configurations import HTTP, configuration, virtuals
from bench.farm import addresses, connections, farm
from bench.figure import Figure, Outcome, ratio_at_most, value_at_most
from bench.ours import Ours
from bench.process import cpu_seconds
from bench.viewers import Viewers, viewers
from bench.watched import Watched
from harness.lab.fresh_namespace import fresh_namespace
from harness.readable_python import readable_by_all
from ldirectord_py.daemon.probing.prober import FIRST_PROBE_INTERVAL

REALS: Final = 5000
INTERVAL: Final = 10
TIMEOUT: Final = 3
PORT: Final = 9109
SETTLE_SECONDS: Final = 5.0
MEASURE_SECONDS: Final = 30.0
NOTES: Final = (
    f"{REALS:,} HTTP checks every {INTERVAL} s, the default. The peer is the same process before and after.",
    "Everything shares two cores: the servers, the process of the page, a browser, a scraper every 5 s, and top.",
)


@dataclass(frozen=True, slots=True)
class View:
    """What was found in one run: CPU for each check in microseconds; lag of the loop (99th percentile) in seconds, as
    are the slowest scrape and the first screen of ``top``.
    """

    unseen: float
    seen: float
    lag_unseen: float
    lag_seen: float
    scrape: float
    screen: float


def measure(runs: int) -> Outcome:
    """Return CPU for each check and lag of the loop, with and without viewers, and how long these wait."""
    found = [_run() for _ in range(runs)]
    seen, unseen = tuple(each.seen for each in found), tuple(each.unseen for each in found)
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
            before = _cost(ours, MEASURE_SECONDS / 2)
            _serve_page(ours, endpoints)
            with viewers(ours, PORT) as looking:
                time.sleep(SETTLE_SECONDS)
                seen = _cost(ours, MEASURE_SECONDS)
            ours.configure(_configuration(endpoints))
            ours.reload()
            time.sleep(SETTLE_SECONDS)
            after = _cost(ours, MEASURE_SECONDS / 2)
        lags = _lags(folder / "lag", endpoints)
    return _view((before, seen, after), lags, looking)


def _view(costs: tuple[float, float, float], lags: tuple[float, float], looking: Viewers) -> View:
    before, seen, after = costs
    view = View((before + after) / 2, seen, *lags, max(looking.scrapes), looking.screen)
    print(view, f"before {before:.1f}, after {after:.1f} us,", end=" ")
    print(f"scrapes {median(looking.scrapes):.3f} s, {max(looking.lengths) / 1e6:.1f} MB", flush=True)
    return view


def _lags(folder: Path, endpoints: Sequence[str]) -> tuple[float, float]:
    """Return the lag without and with viewers; to watch it from within costs a little itself."""
    with Watched(folder, _configuration(endpoints), readable_by_all()) as ours:
        _settle()
        ours.forget()
        time.sleep(MEASURE_SECONDS)
        unseen = ours.lag(99)
        _serve_page(ours, endpoints)
        with viewers(ours, PORT):
            time.sleep(SETTLE_SECONDS)
            ours.forget()
            time.sleep(MEASURE_SECONDS)
            return unseen, ours.lag(99)


def _settle() -> None:
    time.sleep(REALS * FIRST_PROBE_INTERVAL + INTERVAL + SETTLE_SECONDS)


def _serve_page(ours: Ours, endpoints: Sequence[str]) -> None:
    ours.configure(_configuration(endpoints, f"listen = {PORT}\n"))
    ours.reload()


def _cost(ours: Ours, seconds: float) -> float:
    """Return the CPU time of the daemon alone for each check in microseconds."""
    spent, checks = cpu_seconds(ours.pid), connections()
    time.sleep(seconds)
    return (cpu_seconds(ours.pid) - spent) / (connections() - checks) * 1e6


def _configuration(endpoints: Sequence[str], head: str = "") -> str:
    return configuration(virtuals(endpoints), HTTP, INTERVAL, TIMEOUT, head)
