"""The queue of one recipient: groups, repeated attempts, refusals, and a flood."""

from __future__ import annotations

import asyncio
import time
import tracemalloc
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from ldirectord_py.report.event_fields import Fields, event_fields
from ldirectord_py.report.events import Event
from ldirectord_py.report.notifications import queue
from ldirectord_py.report.notifications.queue import MAX_EVENTS, MAX_GROUP, NotificationQueue
from ldirectord_py.report.notifications.transport import NotificationNotSentError, SendGroup

from .conftest import fell


class Taker:
    """A transport that records the groups; ``results`` are those of the first groups, raised if they are errors."""

    def __init__(self, *results: str | Exception) -> None:
        self.results = list(results)
        self.groups: list[list[str]] = []
        self.hosts: set[str] = set()
        self.sessions = 0
        self.open = asyncio.Event()
        self.open.set()

    @asynccontextmanager
    async def session(self) -> AsyncIterator[SendGroup]:
        self.sessions += 1
        yield self._send

    async def _send(self, group: Sequence[Fields]) -> str:
        await self.open.wait()
        result = self.results.pop(0) if self.results else ""
        if isinstance(result, Exception):
            raise result
        if not result:
            self.groups.append([fields["reason"] for fields in group])
            self.hosts |= {fields["host"] for fields in group}
        return result

    def queue(self) -> NotificationQueue:
        return NotificationQueue("there", self.session, "director")


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue, "MIN_RETRY_DELAY", 0.001)


async def idle(outgoing: NotificationQueue) -> None:
    async with asyncio.timeout(30):
        while not outgoing.is_idle:
            await asyncio.sleep(0.001)


async def test_events_that_wait_leave_together_in_one_session() -> None:
    taker = Taker()
    outgoing = taker.queue()
    taker.open.clear()
    outgoing.put(fell("first"), 0.0)
    await asyncio.sleep(0.01)
    for number in range(MAX_GROUP + 5):
        outgoing.put(fell(str(number)), 0.0)
    taker.open.set()
    await idle(outgoing)
    assert [len(group) for group in taker.groups] == [1, MAX_GROUP, 5]
    assert [reason for group in taker.groups[1:] for reason in group] == [str(n) for n in range(MAX_GROUP + 5)]
    assert (taker.sessions, taker.hosts) == (1, {"director"})


async def test_a_group_that_fails_is_sent_again_and_it_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    taker = Taker(NotificationNotSentError("status 500"), NotificationNotSentError("status 500"))
    outgoing = taker.queue()
    outgoing.put(fell("one"), 0.0)
    await idle(outgoing)
    assert taker.groups == [["one"]]
    assert caplog.messages == [
        "Notifications to there fail: status 500; they are sent again",
        "Notifications go out to there again",
    ]


async def test_a_refused_group_is_lost_and_it_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    taker = Taker("status 403", "status 403", "exit status 1")
    outgoing = taker.queue()
    for _ in range(4):
        outgoing.put(fell("one"), 0.0)
        await idle(outgoing)
    assert taker.groups == [["one"]]
    assert caplog.messages == [
        "Notifications to there are lost: status 403",
        "Notifications to there are lost: exit status 1",
        "Notifications to there are taken again; 3 were lost",
    ]
    assert outgoing.lost == 3


async def test_an_event_that_is_too_old_is_not_sent_again(caplog: pytest.LogCaptureFixture) -> None:
    now = [0.0]
    taker = Taker(NotificationNotSentError("refused"))
    outgoing = NotificationQueue("there", taker.session, "director", lambda: now[0])
    outgoing.put(fell("old"), 0.0)
    now[0] = 2 * queue.MAX_AGE
    outgoing.put(fell("new"), 0.0)
    await idle(outgoing)
    assert taker.groups == [["new"]]
    assert caplog.messages[-1] == "1 notifications to there were lost"
    assert outgoing.lost == 1


async def test_an_event_without_a_form_does_not_keep_back_the_others(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    fields = event_fields

    def failing(event: Event, seconds: float) -> dict[str, object]:
        if seconds:
            raise KeyError("a bug")
        return fields(event, seconds)

    monkeypatch.setattr(queue, "event_fields", failing)
    taker = Taker()
    outgoing = taker.queue()
    outgoing.put(fell("odd"), 1.0)
    outgoing.put(fell("good"), 0.0)
    await idle(outgoing)
    assert taker.groups == [["good"]]
    assert caplog.messages == ["A notification to there cannot be written"]


async def test_the_end_sends_what_waits_within_its_time(caplog: pytest.LogCaptureFixture) -> None:
    taker = Taker()
    outgoing = taker.queue()
    for number in range(3 * MAX_GROUP):
        outgoing.put(fell(str(number)), 0.0)
    await outgoing.close(10)
    assert sum(map(len, taker.groups)) == 3 * MAX_GROUP
    taker.open.clear()
    outgoing = taker.queue()
    outgoing.put(fell("one"), 0.0)
    began = time.monotonic()
    await outgoing.close(0.1)
    assert time.monotonic() - began < 5
    assert caplog.messages == ["1 notifications to there were not sent"]


@pytest.mark.slow
async def test_a_flood_is_bounded_in_memory_and_does_not_hold_up_the_loop(caplog: pytest.LogCaptureFixture) -> None:
    taker = Taker()
    outgoing = taker.queue()
    taker.open.clear()
    event = fell("flood")
    tracemalloc.start()
    for _ in range(MAX_EVENTS + 10_000):
        outgoing.put(event, 0.0)
    taken, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert taken < 2_000_000
    taker.open.set()
    turns = []
    while not outgoing.is_idle:
        before = time.thread_time()
        await asyncio.sleep(0)
        turns.append(time.thread_time() - before)
    print(f"{taken / MAX_EVENTS:.0f} bytes an event, turns of at most {max(turns) * 1000:.1f} ms")
    assert sum(map(len, taker.groups)) == MAX_EVENTS
    assert len(taker.groups) == MAX_EVENTS // MAX_GROUP
    assert max(turns) < 0.1
    assert caplog.messages == [
        "Notifications to there get lost: too many wait, or for too long",
        "10000 notifications to there were lost",
    ]
