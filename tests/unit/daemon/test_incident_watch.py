"""What stood still or was lost is an event, once a minute at most."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from harness.running_daemon import running_daemon
from ldirectord_py.daemon import incident_watch
from ldirectord_py.daemon.incident_watch import IncidentWatch
from ldirectord_py.daemon.probing.probe_counts import ProbeCounts
from ldirectord_py.report.events import Event, HostStalled, ReportsLost
from ldirectord_py.report.lost import LostReports
from ldirectord_py.report.wording import description


class Watched:
    """A watch, the counts that it finds, and the events that it publishes."""

    def __init__(self) -> None:
        self.probes = ProbeCounts()
        self.lost = LostReports()
        self.events: list[Event] = []
        self.watch = IncidentWatch(lambda: self.probes, lambda: self.lost, self.events.append)

    def look(self) -> list[Event]:
        self.events.clear()
        self.watch.look()
        return self.events


def test_nothing_is_said_of_nothing_and_all_is_said_once() -> None:
    watched = Watched()
    assert watched.look() == []
    watched.probes, watched.lost = ProbeCounts(3, 1.25, 2), LostReports(1, 2, 3, 4)
    assert watched.look() == [HostStalled(3, 1.25, 2), ReportsLost(LostReports(1, 2, 3, 4))]
    assert watched.look() == []
    watched.lost = LostReports(1, 2, 5, 4)
    assert watched.look() == [ReportsLost(LostReports(mails=2))]


def test_short_stalls_are_told_together() -> None:
    watched = Watched()
    watched.probes = ProbeCounts(5, 0.5, 0)
    assert watched.look() == []
    watched.probes = ProbeCounts(9, 1.0, 0)
    assert watched.look() == [HostStalled(9, 1.0, 0)]
    watched.probes = ProbeCounts(10, 1.1, 1)
    (event,) = watched.look()
    assert isinstance(event, HostStalled)
    assert (event.stalls, event.repeated) == (1, 1)


def test_their_words() -> None:
    assert description(HostStalled(3, 1.25, 0)) == "This host stood still for 1.2 s, in 3 stalls"
    repeated = "This host stood still for 1.2 s, in 1 stall; 2 probes failed meanwhile and were repeated"
    assert description(HostStalled(1, 1.25, 2)) == repeated
    all_lost = "Reports were lost: 1 log line, 2 monitorfile lines, 3 mails, 1 notification"
    assert description(ReportsLost(LostReports(1, 2, 3, 1))) == all_lost


async def test_a_daemon_publishes_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(incident_watch, "WATCH_INTERVAL", 0.01)
    async with running_daemon(tmp_path, "virtual = 192.0.2.1:80\n    real = 10.1.0.1:80 masq\n") as place:
        place.daemon.reports.files._unwritten = 7
        async with asyncio.timeout(10):
            while "reports-lost" not in [each["event"] for each in (await place.ask("events"))["events"]]:
                await asyncio.sleep(0.01)
