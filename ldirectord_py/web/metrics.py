"""``/metrics``: what the daemon answered last, as Prometheus reads it. No scrape reaches the daemon."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from ldirectord_py.web.daemon_metrics import DaemonMetrics
from ldirectord_py.web.feed import Feed
from ldirectord_py.web.health import stall
from ldirectord_py.web.packed import LastPacked, Packed, pack
from ldirectord_py.web.server_metrics import server_text
from ldirectord_py.web.virtual_metrics import virtual_text

METRICS_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"


class Metrics:
    """The metrics of a feed; those of virtuals and servers are made once for each update."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self._servers = LastPacked()

    async def parts(self) -> list[Packed]:
        """Return all metrics, in order; of a daemon that stands still only that it does."""
        feed = self._feed
        answer, counters = feed.servers.answer, feed.counters
        if answer is None or not counters or stall(feed.silence, feed.age):
            return [pack(DaemonMetrics(feed.age, None).text().encode())]
        # Another update may change numbers in the answer meanwhile.
        servers = await self._servers.get(feed.revision, lambda: partial(site_text, answer, counters))
        head = DaemonMetrics(feed.age, (answer, counters, feed.status))
        return [servers, pack(head.text().encode(), servers)]


def site_text(show: Mapping[str, Any], counters: Mapping[str, Any]) -> bytes:
    """Return the metrics of all virtuals and real servers of two answers of the daemon."""
    virtuals = show["virtuals"]
    return "".join((*virtual_text(virtuals, counters), *server_text(virtuals))).encode()
