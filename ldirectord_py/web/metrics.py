"""``/metrics``: what the daemon answered last, as Prometheus reads it. No scrape reaches the daemon.

The text has parts, each made anew only if something in it has changed since the last scrape: to make and to pack all of
it takes 0.15 s for 5,000 servers, and what changes with each check 0.01 s.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache, partial
from typing import Any, Final

from ldirectord_py.web.daemon_metrics import DaemonMetrics
from ldirectord_py.web.feed import Feed
from ldirectord_py.web.health import stall
from ldirectord_py.web.packed import LastPacked, Packed, pack
from ldirectord_py.web.server_metrics import connections_text, durations_text, rows_text, server_samples
from ldirectord_py.web.virtual_metrics import virtual_text

METRICS_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"


class Metrics:
    """The metrics of a feed; each part of those of virtuals and servers is kept until it changes."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self._kept = (LastPacked(), LastPacked(), LastPacked())

    async def parts(self) -> list[Packed]:
        """Return all metrics, in order; of a daemon that stands still only that it does."""
        feed = self._feed
        answer, counters = feed.servers.answer, feed.counters
        if answer is None or not counters or stall(feed.silence, feed.age):
            return [pack(DaemonMetrics(feed.age, None).text().encode())]
        # Another update may change numbers in the answer meanwhile.
        revisions = (feed.rows_revision, feed.connections_revision, feed.revision)
        parts: list[Packed] = []
        for kept, revision, make in zip(self._kept, revisions, site_parts(answer, counters), strict=True):
            prepare = partial(partial, make)  # returns ``make``: nothing has to be done in the event loop
            parts.append(await kept.get(revision, prepare, parts[-1] if parts else None))
        head = DaemonMetrics(feed.age, (answer, counters, feed.status))
        return [*parts, pack(head.text().encode(), parts[-1])]


def site_parts(show: Mapping[str, Any], counters: Mapping[str, Any]) -> Sequence[Callable[[], bytes]]:
    """Return what makes the metrics of all virtuals and real servers of two answers of the daemon, in parts.

    What the rows of ``watch`` say comes first, then the connections, then what changes with each result.
    """
    virtuals = show["virtuals"]
    reals = cache(lambda: server_samples(virtuals))
    return (
        lambda: _encoded(rows_text(reals())),
        lambda: _encoded(connections_text(reals())),
        lambda: _encoded((*durations_text(reals()), *virtual_text(virtuals, counters))),
    )


def _encoded(families: Iterable[str]) -> bytes:
    return "".join(families).encode()
