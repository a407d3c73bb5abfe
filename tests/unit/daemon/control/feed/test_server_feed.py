"""When the feed of ``watch`` works, and when it rests; most of what it says is tested with ``watch``."""

from __future__ import annotations

import asyncio
import time
from itertools import pairwise
from pathlib import Path

import pytest

from builders import down, up
from harness.followed import follow
from harness.running_daemon import running_daemon
from harness.waiting import running_beside, until
from ldirectord_py.daemon.control.feed import server_feed
from ldirectord_py.daemon.control.feed.marks import FeedMarks
from ldirectord_py.daemon.control.feed.server_feed import ServerFeed

WEB = """\
virtual = 192.0.2.1:80
    real = 10.1.0.1:80 masq
    real = 10.1.0.2:80 masq
    service = http
    failurecount = 1
"""


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_feed, "EVENT_DELAY", 0.05)
    monkeypatch.setattr(server_feed, "UPDATE_INTERVAL", 0.1)


async def test_a_feed_that_fails_rests_each_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_feed, "RETRY_DELAY", 0.3)
    began: list[float] = []

    async def fail(_: ServerFeed) -> None:
        began.append(time.monotonic())
        raise RuntimeError

    async with running_daemon(tmp_path, WEB) as place:
        await follow(place)
        monkeypatch.setattr(ServerFeed, "_lay_out", fail)
        feed = place.daemon.control.context.feed
        monkeypatch.setattr(feed, "_collect", None)  # fails too, and so the servers have to be laid out anew
        await until(lambda: len(began) > 3, 10)
    assert min(later - earlier for earlier, later in pairwise(began)) > 0.25


async def test_results_come_though_events_never_cease(tmp_path: Path) -> None:
    async with running_daemon(tmp_path, WEB) as place:
        await place.observe(up("200 OK"))
        follower = await follow(place)

        async def flip() -> None:
            while True:
                for result in (down(), up()):
                    await place.observe(result, "10.1.0.2")
                    await asyncio.sleep(0.01)

        async with running_beside(flip()):
            await place.observe(up("200 OK"), "10.1.0.1")
            changes = await follower.update_with("results")
        assert changes.results == [0]
        await follower.agrees()


async def test_what_a_row_said_between_two_looks_is_taken_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with running_daemon(tmp_path, WEB) as place:
        follower = await follow(place)
        slow_starts = place.daemon.director.tracker.slow_starts
        compose = ServerFeed._compose

        async def compose_while_one_rises(feed: ServerFeed, marks: FeedMarks) -> dict[str, object]:
            tenths = {next(iter(marks.layout.numbers)): 3} if marks.reals else {}
            monkeypatch.setattr(slow_starts, "tenths", tenths)  # after the look
            fields = await compose(feed, marks)
            monkeypatch.setattr(slow_starts, "tenths", {})
            return fields

        monkeypatch.setattr(ServerFeed, "_compose", compose_while_one_rises)
        marks = place.daemon.control.context.feed._marks
        assert marks is not None
        marks.add(0)  # as by any event
        await follower.update_with("reals")
        assert follower.replica.reals[0]["observed"]["rising"] == 3
        monkeypatch.setattr(ServerFeed, "_compose", compose)
        await follower.agrees()
