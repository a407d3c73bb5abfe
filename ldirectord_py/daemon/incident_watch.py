"""Publishes how often this host stood still and how much was lost, once a minute at most: the log has its own lines."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NoReturn

from ldirectord_py.daemon.probing.probe_counts import ProbeCounts
from ldirectord_py.report.events import HostStalled, Listener, ReportsLost
from ldirectord_py.report.lost import LostReports
from ldirectord_py.runtime.waiting import repeat

WATCH_INTERVAL: Final = 60.0
"""Seconds between two looks at the counts."""

MIN_STALLED: Final = 1.0
"""Seconds: shorter stalls are published together with later ones, unless probes were repeated for them."""


class IncidentWatch:
    """Its state: the counts that are published."""

    def __init__(self, probes: Callable[[], ProbeCounts], lost: Callable[[], LostReports], publish: Listener) -> None:
        self._probes = probes
        self._lost = lost
        self._publish = publish
        self._known_probes = ProbeCounts()
        self._known_lost = LostReports()

    async def run(self) -> NoReturn:
        """Look for ever."""
        await repeat(self.look, WATCH_INTERVAL, "Looking what stood still or was lost failed")

    def look(self) -> None:
        """Publish what has come since the last event."""
        probes, lost = self._probes(), self._lost()
        new = probes.minus(self._known_probes)
        if new.repeated or new.stalled_seconds >= MIN_STALLED:
            self._known_probes = probes
            self._publish(HostStalled(*new))
        if lost != self._known_lost:
            more, self._known_lost = lost.minus(self._known_lost), lost
            self._publish(ReportsLost(more))
