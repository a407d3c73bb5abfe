"""How soon servers that fail are out, however many fail at once, and what the others notice of it."""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from bench.configurations import HTTP, configuration, virtuals
from bench.farm import Farm, addresses, darken, farm, halves
from bench.figure import Figure, Outcome, value_at_most
from bench.subject import Subject
from bench.watched import Watched
from harness.lab.fresh_namespace import fresh_namespace
from harness.lab.namespace import eventually

REALS: Final = 1000
INTERVAL: Final = 2
TIMEOUT: Final = 3
SLACK: Final = 0.3
FEW: Final = 100
RELOAD_EVERY: Final = 3.0
LONG_TIMEOUT: Final = 5


def measure(runs: int) -> Outcome:
    """Return the detection times, and the state of the daemon meanwhile."""
    hung, dark = list[float](), list[float]()
    reloaded, alone, started = list[float](), list[float](), list[float]()
    lags, lates = list[float](), list[float]()
    for _ in range(runs):
        for found, dim in ((hung, False), (dark, True)):
            last, lag, late = _half_fail(dark=dim)
            found.append(last)
            lags.append(lag * 1000)
            lates.append(late * 1000)
        alone.append(_few_hang(reloads=False))
        reloaded.append(_few_hang(reloads=True))
        started.append(_start())
        print(
            f"hung {hung[-1]:.2f} s, dark {dark[-1]:.2f} s, lag {lags[-1]:.0f} ms, late {lates[-1]:.0f} ms, "
            f"reloaded {reloaded[-1]:.2f} s, not {alone[-1]:.2f} s, start {started[-1]:.2f} s",
            flush=True,
        )
    most, long = INTERVAL + TIMEOUT + SLACK, INTERVAL + LONG_TIMEOUT + SLACK
    half = f"{REALS // 2} of {REALS:,} servers"
    few = f"{FEW // 2} of {FEW} servers hung, timeout {LONG_TIMEOUT} s"
    return Outcome(
        (
            Figure(f"{half} hung: last one out", "s", tuple(hung), target=value_at_most(most, "s")),
            Figure(f"{half} dark: last one out", "s", tuple(dark), target=value_at_most(most, "s")),
            Figure("loop lag meanwhile, p99", "ms", tuple(lags), target=value_at_most(50, "ms")),
            Figure("checks begin late meanwhile, p99", "ms", tuple(lates)),
            Figure(
                f"{few}, a reload every 3 s: last one out",
                "s",
                tuple(reloaded),
                tuple(alone),
                "no reloads",
                value_at_most(long, "s"),
            ),
            Figure(f"start with {REALS:,} reals: all in", "s", tuple(started), target=value_at_most(INTERVAL + 1, "s")),
        )
    )


def until_out(subject: Subject, servers: Farm, count: int, within: float, *, dark: bool = False) -> list[float]:
    """Hang the servers, or take their hosts away; return after how many seconds each of them was out, in order."""
    gone = _told(subject, _OUT)
    began = time.monotonic()
    if dark:
        darken(servers.port)
    else:
        servers.hang()
    times: list[float] = []

    def all_out() -> bool:
        times.extend([time.monotonic() - began] * (_told(subject, _OUT) - gone - len(times)))
        return len(times) >= count

    eventually(all_out, within, lambda: f"{len(times)} of {count} are out:\n{subject.log()[-2000:]}")
    return times


_OUT: Final = "Deleted real server"
_IN: Final = "Added real server"


def _told(subject: Subject, words: str) -> int:
    return subject.log().count(words)


@contextmanager
def _running(reals: int, timeout: int) -> Iterator[tuple[Watched, Farm]]:
    """Yield a daemon that has all servers in, and the farm of every second one."""
    with (
        tempfile.TemporaryDirectory() as folder,
        fresh_namespace(),
        halves(Path(folder), reals) as (endpoints, ill),
        Watched(Path(folder) / "ours", configuration(virtuals(endpoints), HTTP, INTERVAL, timeout)) as ours,
    ):
        eventually(lambda: _told(ours, _IN) >= reals, 60, ours.log)
        yield ours, ill


def _half_fail(*, dark: bool) -> tuple[float, float, float]:
    with _running(REALS, TIMEOUT) as (ours, ill):
        time.sleep(2 * INTERVAL)
        ours.forget()
        time.sleep(1.5)
        times = until_out(ours, ill, REALS // 2, within=60, dark=dark)
        time.sleep(2)
        return times[-1], ours.lag(99), ours.late(99)


def _few_hang(*, reloads: bool) -> float:
    with _running(FEW, LONG_TIMEOUT) as (ours, ill):
        time.sleep(INTERVAL)
        done = threading.Event()

        def reload() -> None:
            while reloads and not done.wait(RELOAD_EVERY):
                ours.reload()

        reloading = threading.Thread(target=reload)
        reloading.start()
        try:
            return until_out(ours, ill, FEW // 2, within=60)[-1]
        finally:
            done.set()
            reloading.join()


def _start() -> float:
    """Return after how many seconds all are in, counted from when the daemon is there."""
    with tempfile.TemporaryDirectory() as folder, fresh_namespace(), farm(Path(folder) / "farm") as well:
        endpoints = [f"{address}:{well.port}" for address in addresses(REALS)]
        with Watched(Path(folder) / "ours", configuration(virtuals(endpoints), HTTP, INTERVAL, TIMEOUT)) as ours:
            return eventually(lambda: _told(ours, _IN) >= REALS, 60, ours.log)
