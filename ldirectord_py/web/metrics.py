"""``/metrics``: what the daemon answered last, as Prometheus reads it. No scrape reaches the daemon."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from ldirectord_py.runtime.threads import run_in_daemon_thread
from ldirectord_py.web.daemon_metrics import DaemonMetrics
from ldirectord_py.web.feed import Feed, Snapshot
from ldirectord_py.web.health import stall
from ldirectord_py.web.server_metrics import server_text
from ldirectord_py.web.virtual_metrics import virtual_text

METRICS_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

MAKING_TIMEOUT: Final = 20.0
"""Seconds to make the metrics of all servers; those of 5,000 take 0.2."""

_LEVEL: Final = 1


class Metrics:
    """Makes the metrics of virtuals and servers once for each snapshot. Its state: the last ones, packed."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self._made: tuple[Snapshot, bytes] | None = None
        self._making = asyncio.Lock()

    async def body(self, *, packed: bool) -> bytes:
        """Return all metrics, ``packed`` with gzip; of a daemon that stands still only that it does."""
        feed = self._feed
        snapshot = feed.snapshot
        age = snapshot.age() if snapshot else None
        if snapshot is None or not feed.counters or stall(feed.silence, age, feed.interval):
            head, servers = DaemonMetrics(age, None), b""
        else:
            servers = await self._servers(snapshot)
            head = DaemonMetrics(snapshot.age(), (snapshot.answer, feed.counters, feed.status))
        text = head.text().encode()
        return gzip.compress(text, _LEVEL) + servers if packed else text + gzip.decompress(servers)

    async def _servers(self, snapshot: Snapshot) -> bytes:
        async with self._making:
            if self._made is None or self._made[0] is not snapshot:
                make = partial(_packed_site, snapshot.answer, self._feed.counters)
                self._made = snapshot, await run_in_daemon_thread(make, MAKING_TIMEOUT)
            return self._made[1]


def _packed_site(show: Mapping[str, Any], counters: Mapping[str, Any]) -> bytes:
    return gzip.compress(site_text(show, counters), _LEVEL)


def site_text(show: Mapping[str, Any], counters: Mapping[str, Any]) -> bytes:
    """Return the metrics of all virtuals and real servers of two answers of the daemon."""
    virtuals = show["virtuals"]
    return "".join((*virtual_text(virtuals, counters), *server_text(virtuals, counters["transitions"]))).encode()
