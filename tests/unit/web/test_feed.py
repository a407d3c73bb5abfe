"""The feed: what it asks the daemon, what an update and an event change, and what is kept of events."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from harness.watch_answers import VIRTUAL, real, update, whole
from ldirectord_py.web import feed as feeding
from ldirectord_py.web.connection import DaemonConnection
from ldirectord_py.web.feed import COUNTERS, EVENTS, STATUS, WATCH, Feed

KEY = "tcp:192.0.2.1:80/10.0.0.1:80"


class ScriptedDaemon:
    """Receives requests, and answers what a test says."""

    def __init__(self, feed: Feed, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.feed = feed
        self._reader = reader
        self.writer = writer

    async def request(self, seconds: float = 5) -> dict[str, Any]:
        """Return the next request."""
        async with asyncio.timeout(seconds):
            return dict(json.loads(await self._reader.readline()))

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

    async def servers(self, *reals: dict[str, Any]) -> None:
        await self.answer(WATCH, more=True, **whole(*reals))

    async def events(self, *seqs: int, epoch: str = "e", gap: Any = None, name: str = "server-down") -> None:
        what = {"virtual": "tcp:192.0.2.1:80", "real": "10.0.0.1:80", "up": name == "server-up", "reason": "gone"}
        counts = {"code": "L4CON", "failures": 1, "successes": 0, "time": "2026-11-28T08:00:00.000Z"}
        events = [{"seq": seq, "event": name, **what, **counts} for seq in seqs]
        await self.answer(EVENTS, more=True, epoch=epoch, gap=gap, events=events)

    def state(self) -> str:
        return self.feed.board.items[KEY].row["state"]


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
        assert {each["id"]: each["request"] for each in asked} == {STATUS: "status", EVENTS: "events", WATCH: "watch"}
        yield daemon
    finally:
        daemon.writer.transport.abort()
        await asyncio.wait_for(asyncio.gather(task, return_exceptions=True), 5)
        connection.close()
        await asyncio.sleep(0)


async def test_updates_change_what_is_shown() -> None:
    async with scripted() as daemon:
        servers = daemon.feed.servers
        assert (daemon.feed.age, servers.answer) == (None, None)
        await daemon.servers(real())
        assert (daemon.state(), daemon.feed.revision) == ("up", 1)
        assert servers.answer
        assert servers.answer["virtuals"][0]["up"] == 1
        await daemon.answer(WATCH, more=True, **update(real(up=False)))
        assert (daemon.state(), daemon.feed.revision) == ("down", 2)
        assert not servers.answer["virtuals"][0]["reals"][0]["observed"]["up"]
        assert daemon.feed.age is not None
        assert daemon.feed.age < 5


async def test_a_certificate_near_its_end_is_trouble() -> None:
    async with scripted() as daemon:
        await daemon.servers(real(certificate_end="2020-01-02T00:00:00.000Z"))
        assert daemon.feed.board.items[KEY].row["troubles"] == "certificate"


async def test_updates_are_counted_by_what_they_change() -> None:
    async with scripted() as daemon:
        feed = daemon.feed

        async def after(fields: dict[str, Any]) -> tuple[int, int, int]:
            await daemon.answer(WATCH, more=True, **fields)
            return feed.revision, feed.rows_revision, feed.connections_revision

        assert await after(whole(real())) == (1, 1, 1)
        assert await after(update(results=(0, 0, 500_000))) == (2, 1, 1)
        assert await after(update(connections=(0, 6, 7, 0))) == (3, 1, 3)
        assert await after(update(virtuals=[{"virtual": VIRTUAL, "up": 0}])) == (4, 4, 3)
        assert await after(update(real(up=False))) == (5, 5, 5)
        assert await after(update()) == (6, 5, 5)


async def test_an_update_before_the_servers_is_ignored() -> None:
    async with scripted() as daemon:
        await daemon.answer(WATCH, more=True, **update(real()))
        assert daemon.feed.revision == 0


async def test_counters_are_asked_for_after_an_update_and_seldom(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeding, "COUNTERS_INTERVAL", 0.5)
    async with scripted() as daemon:
        await daemon.servers(real())
        request = await daemon.request()
        assert (request["request"], request["id"]) == ("counters", COUNTERS)
        await daemon.answer(COUNTERS, started=1)
        assert daemon.feed.counters["started"] == 1
        await daemon.answer(WATCH, more=True, **update())
        with pytest.raises(TimeoutError):
            await daemon.request(0.1)
        await asyncio.sleep(0.4)
        await daemon.answer(WATCH, more=True, **update())
        assert (await daemon.request())["request"] == "counters"


async def test_an_event_changes_a_row_at_once_but_one_of_the_past_does_not() -> None:
    async with scripted() as daemon:
        await daemon.servers(real())
        await daemon.events(1)
        assert daemon.state() == "up"
        await daemon.events(2)
        assert daemon.state() == "down"


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


@pytest.mark.parametrize("answer", [b'"ok":false,"error":{"code":"busy","message":""}', b'"ok":true'])
async def test_a_stream_that_was_refused_or_has_ended_is_asked_for_again(
    monkeypatch: pytest.MonkeyPatch, answer: bytes
) -> None:
    monkeypatch.setattr(feeding, "RETRY_DELAY", 0.1)
    async with scripted() as daemon:
        daemon.writer.write(b'{"v":1,"id":1,%s}\n' % answer)
        assert (await daemon.request(5))["request"] == "watch"


async def test_it_knows_for_how_long_the_daemon_has_been_silent() -> None:
    async with scripted() as daemon:
        before = time.monotonic()
        await daemon.events()
        assert daemon.feed.silence <= time.monotonic() - before
        await asyncio.sleep(0.5)
        assert daemon.feed.silence >= 0.5
        before = time.monotonic()
        await daemon.events()
        assert daemon.feed.silence <= time.monotonic() - before


async def test_it_ends_with_the_daemon() -> None:
    async with scripted() as daemon:
        daemon.writer.close()
