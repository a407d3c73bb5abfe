"""The feed: how often the daemon is asked, what an event changes, and what is kept of events."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from harness.shown_servers import real, virtual
from ldirectord_py.web import feed as feeding
from ldirectord_py.web.connection import DaemonConnection
from ldirectord_py.web.feed import EVENTS, SHOW, STATUS, Feed


class ScriptedDaemon:
    """Receives requests, and answers what a test says."""

    def __init__(self, feed: Feed, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.feed = feed
        self._reader = reader
        self.writer = writer

    async def request(self, seconds: float = 5) -> dict[str, Any]:
        """Return the next request, but for that which comes with each ``show``."""
        async with asyncio.timeout(seconds):
            while (request := json.loads(await self._reader.readline()))["request"] == "counters":
                pass
        return dict(request)

    async def answer(self, number: int, **fields: Any) -> None:
        """Answer a request, and let the feed read it."""
        changed = asyncio.Event()
        self.feed.follow(changed.set)
        self.writer.write(json.dumps({"v": 1, "id": number, "ok": True, **fields}).encode() + b"\n")
        try:
            async with asyncio.timeout(0.3):
                await changed.wait()
        except TimeoutError:
            pass
        self.feed.unfollow(changed.set)

    async def show(self, *reals: dict[str, Any]) -> None:
        await self.answer(SHOW, generation=1, virtuals=[virtual(*reals)])

    async def events(self, *seqs: int, epoch: str = "e", gap: Any = None, name: str = "server-down") -> None:
        what = {"virtual": "tcp:192.0.2.1:80", "real": "10.0.0.1:80", "up": name == "server-up", "reason": "gone"}
        counts = {"code": "L4CON", "failures": 1, "successes": 0, "time": "2026-11-28T08:00:00.000Z"}
        events = [{"seq": seq, "event": name, **what, **counts} for seq in seqs]
        await self.answer(EVENTS, more=True, epoch=epoch, gap=gap, events=events)


@asynccontextmanager
async def scripted() -> AsyncIterator[ScriptedDaemon]:
    """Yield a daemon whose first requests were read."""
    ours, theirs = socket.socketpair()
    for each in (ours, theirs):
        each.setblocking(False)
    feed, connection = Feed(), await DaemonConnection.over(theirs)
    task = asyncio.create_task(feed.run(connection))
    daemon = ScriptedDaemon(feed, *await asyncio.open_unix_connection(sock=ours))
    try:
        asked = [await daemon.request() for _ in range(3)]
        assert {each["id"]: each["request"] for each in asked} == {STATUS: "status", EVENTS: "events", SHOW: "show"}
        yield daemon
    finally:
        daemon.writer.transport.abort()
        await asyncio.wait_for(asyncio.gather(task, return_exceptions=True), 5)
        connection.close()
        await asyncio.sleep(0)


async def test_the_daemon_is_asked_again_after_the_interval(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeding, "MIN_INTERVAL", 0.4)
    monkeypatch.setattr(feeding, "COST", 0)
    async with scripted() as daemon:
        await daemon.show(real())
        with pytest.raises(TimeoutError):
            await daemon.request(0.2)
        assert (await daemon.request(2))["request"] == "show"


async def test_a_daemon_that_answers_slowly_is_asked_less_often() -> None:
    async with scripted() as daemon:
        await asyncio.sleep(0.1)
        await daemon.show(real())
        assert 10 <= daemon.feed.interval <= feeding.MAX_INTERVAL
        assert daemon.feed.snapshot
        assert daemon.feed.snapshot.interval == daemon.feed.interval


async def test_after_an_event_it_is_asked_sooner_and_the_row_changes_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeding, "MIN_INTERVAL", 10.0)
    monkeypatch.setattr(feeding, "EVENT_DELAY", 0.1)
    monkeypatch.setattr(feeding, "EVENT_COST", 0)
    async with scripted() as daemon:
        await daemon.show(real())
        await daemon.events(1, 2, name="server-up")
        await daemon.request(2)
        await daemon.show(real())
        await daemon.events(3)
        assert daemon.feed.board.items["tcp:192.0.2.1:80/10.0.0.1:80"].row["state"] == "down"
        assert (await daemon.request(2))["request"] == "show"


async def test_events_of_the_past_change_no_row() -> None:
    async with scripted() as daemon:
        await daemon.show(real())
        await daemon.events(1)
        assert daemon.feed.board.items["tcp:192.0.2.1:80/10.0.0.1:80"].row["state"] == "up"


async def test_events_are_kept_with_their_numbers() -> None:
    async with scripted() as daemon:
        await daemon.events(5, 6, 7)
        assert [event["seq"] for event in daemon.feed.events_since(5, 10)] == [6, 7]
        assert [event["seq"] for event in daemon.feed.events_since(0, 2)] == [5, 6]
        assert list(daemon.feed.events_since(7, 10)) == []
        assert daemon.feed.last_event == 7


async def test_after_a_gap_only_what_follows_it_is_kept() -> None:
    async with scripted() as daemon:
        await daemon.events(1, 2)
        await daemon.events(9, gap={"reason": "too slow", "missed": 6})
        assert [event["seq"] for event in daemon.feed.events] == [9]


async def test_a_refused_request_is_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeding, "MIN_INTERVAL", 0.1)
    async with scripted() as daemon:
        daemon.writer.write(b'{"v":1,"id":1,"ok":false,"error":{"code":"busy","message":""}}\n')
        assert (await daemon.request(5))["request"] == "show"


async def test_it_knows_for_how_long_the_daemon_has_been_silent() -> None:
    async with scripted() as daemon:
        await daemon.events()
        assert daemon.feed.silence < 0.4
        await asyncio.sleep(0.5)
        assert daemon.feed.silence >= 0.5
        await daemon.events()
        assert daemon.feed.silence < 0.4


async def test_it_ends_with_the_daemon() -> None:
    async with scripted() as daemon:
        daemon.writer.close()
