"""The page of 1,000 servers in a browser: how long until it is painted, and until an update is."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Final

from bench.configurations import HTTP, configuration, virtuals
from bench.farm import Farm, halves
from bench.figure import Figure, Outcome, value_at_most
from bench.ours import Ours
from bench.viewers import Viewers
from harness.browser import Tab, browser_tab
from harness.lab.fresh_namespace import fresh_namespace
from harness.lab.namespace import eventually
from harness.readable_python import readable_by_all
from ldirectord_py.daemon.probing.prober import FIRST_PROBE_INTERVAL

REALS: Final = 1000
INTERVAL: Final = 10
TIMEOUT: Final = 3
PORT: Final = 9109
VISITS: Final = 5
WATCH_SECONDS: Final = 20.0
NOTES: Final = (
    "Chromium without a window, on the same two cores as the daemon, the process of the page and the servers.",
    f"The first paint counts from the first byte of the answer: the median of {VISITS} visits.",
    f"An update counts from its event to the frame that shows it: the median of {WATCH_SECONDS:g} s.",
)

# A timer that is set for a frame runs after this is painted.
_WATCH: Final = """
window.painted = {};
const listen = EventSource.prototype.addEventListener;
EventSource.prototype.addEventListener = function (name, handle, ...rest) {
  listen.call(this, name, event => {
    const began = performance.now();
    handle(event);
    requestAnimationFrame(() => setTimeout(() => (painted[name] ??= []).push(performance.now() - began)));
  }, ...rest);
};
"""
_FIRST_PAINT: Final = """
performance.getEntriesByName("first-contentful-paint")[0].startTime
  - performance.getEntriesByType("navigation")[0].responseStart
"""


def measure(runs: int) -> Outcome:
    """Return how many milliseconds a visitor waits."""
    first, results, rows = zip(*(_run() for _ in range(runs)), strict=True)
    figures = (
        Figure("first paint", "ms", first, target=value_at_most(300, "ms")),
        Figure("update with results", "ms", results, target=value_at_most(100, "ms")),
        Figure("update with rows, while half of the servers fail", "ms", rows, target=value_at_most(100, "ms")),
    )
    return Outcome(figures, notes=NOTES)


def _run() -> tuple[float, float, float]:
    """Return the first paint, an update with results, and one with rows, in milliseconds."""
    with tempfile.TemporaryDirectory() as name, fresh_namespace(), halves(Path(name) / "farm", REALS) as (reals, ill):
        folder = Path(name)
        folder.chmod(0o755)
        text = configuration(virtuals(reals), HTTP, INTERVAL, TIMEOUT, f"listen = {PORT}\n")
        with Ours(folder / "ours", text, readable_by_all()) as ours:
            eventually(Viewers(PORT).is_served, 60, ours.log)
            time.sleep(REALS * FIRST_PROBE_INTERVAL + INTERVAL)
            return asyncio.run(_look(ill))


async def _look(ill: Farm) -> tuple[float, float, float]:
    async with browser_tab() as tab:
        await tab.resize(1280, 900)
        await tab.command("Page.addScriptToEvaluateOnNewDocument", source=_WATCH)
        first = [await _first_paint(tab) for _ in range(VISITS)]
        results = await _updates(tab, "numbers")
        ill.hang()
        return median(first), median(results), median(await _updates(tab, "rows"))


async def _first_paint(tab: Tab) -> float:
    await tab.visit(f"http://127.0.0.1:{PORT}/")
    await tab.until("live.textContent === 'live'")
    return float(await tab.value(_FIRST_PAINT))


async def _updates(tab: Tab, name: str) -> Sequence[float]:
    """Return how long the page needs for each event of a name in WATCH_SECONDS."""
    await tab.value("painted = {}")
    await asyncio.sleep(WATCH_SECONDS)
    found: Sequence[float] = await tab.value(f"painted.{name}")
    return found
