"""Items that wait to be sent; the queue of mails has more of it in its own tests."""

from __future__ import annotations

import asyncio
import time

import pytest

from ldirectord_py.runtime.backoff import Backoff
from ldirectord_py.runtime.retry_queue import QueueLimits, QueueTexts, RetryQueue

TEXTS = QueueTexts("%s fails: %s", "%s crashed", "%s works", "%s loses", "%d lost over %s", "%d unsent over %s")
LIMITS = QueueLimits(items=100, min_delay=0.001, max_delay=0.01)


class Receiver:
    """Takes one item at a time; ``failures`` are raised or returned first, and ``hangs`` holds it up."""

    def __init__(self, *failures: str | Exception, old: int = -1) -> None:
        self.failures = list(failures)
        self.taken: list[int] = []
        self.hangs = False
        self.queue = RetryQueue[int]("there", TEXTS, self._send_all, lambda item: item <= old, LIMITS)

    async def _send_all(self) -> str:
        if self.hangs:
            await asyncio.sleep(3600)
        failure = self.failures.pop(0) if self.failures else ""
        if isinstance(failure, Exception):
            raise failure
        while not failure and self.queue.items:
            await asyncio.sleep(0)
            self.taken.append(self.queue.items.popleft())
            self.queue.report_sent()
        return failure


async def idle(receiver: Receiver) -> None:
    async with asyncio.timeout(10):
        while not receiver.queue.is_idle:
            await asyncio.sleep(0.001)


async def test_items_are_sent_in_order_and_the_task_ends() -> None:
    receiver = Receiver()
    assert receiver.queue.is_idle
    for item in range(5):
        receiver.queue.add(item)
    await idle(receiver)
    assert receiver.taken == [0, 1, 2, 3, 4]
    receiver.queue.add(5)
    await receiver.queue.close(10)
    assert receiver.taken[5:] == [5]


async def test_a_failure_is_said_once_and_once_when_it_is_over(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    receiver = Receiver("refused", "refused", OSError("no descriptor"))
    receiver.queue.add(1)
    await idle(receiver)
    assert receiver.taken == [1]
    assert caplog.messages == ["there fails: refused", "there works"]


async def test_a_bug_is_logged_and_the_queue_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    receiver = Receiver(KeyError("a bug"))
    receiver.queue.add(1)
    await idle(receiver)
    assert (receiver.taken, caplog.messages[0]) == ([1], "there crashed")


async def test_what_does_not_fit_is_counted(caplog: pytest.LogCaptureFixture) -> None:
    receiver = Receiver()
    for item in range(10_000):
        receiver.queue.add(item)
    assert len(receiver.queue.items) == 100
    await idle(receiver)
    assert receiver.taken == list(range(100))
    assert caplog.messages == ["there loses", "9900 lost over there"]
    assert receiver.queue.lost_in_all == 9900


async def test_what_is_too_old_after_a_failure_is_dropped() -> None:
    receiver = Receiver("refused", old=2)
    for item in range(5):
        receiver.queue.add(item)
    await idle(receiver)
    assert receiver.taken == [3, 4]


async def test_the_end_is_one_more_attempt_within_its_time(caplog: pytest.LogCaptureFixture) -> None:
    receiver = Receiver()
    receiver.hangs = True
    receiver.queue.add(1)
    receiver.queue.add(2)
    began = time.monotonic()
    await receiver.queue.close(0.1)
    assert time.monotonic() - began < 5
    assert caplog.messages == ["2 unsent over there"]
    assert not receiver.queue.items


async def test_the_end_does_not_wait_for_the_delay() -> None:
    receiver = Receiver("refused")
    receiver.queue._backoff = Backoff(3600, 3600)
    receiver.queue.add(1)
    async with asyncio.timeout(10):
        while receiver.failures:
            await asyncio.sleep(0.001)
        await asyncio.sleep(0.01)
        await receiver.queue.close(5)
    assert receiver.taken == [1]
