"""The order of jobs in a queue, independent queues, and jobs that are dropped."""

from __future__ import annotations

import asyncio

import pytest

from ldirectord_py.runtime.serial_queues import MAX_WAITING, SerialQueues


async def test_jobs_of_a_queue_run_in_order_and_queues_do_not_wait_for_each_other() -> None:
    queues, done, gate = SerialQueues(), list[str](), asyncio.Event()

    async def wait() -> None:
        await gate.wait()
        done.append("first")

    async def record(word: str) -> None:
        done.append(word)

    queues.add("a", wait)
    queues.add("a", lambda: record("second"))
    queues.add("b", lambda: record("other"))
    await asyncio.sleep(0.01)
    assert done == ["other"]
    gate.set()
    await queues.join()
    assert done == ["other", "first", "second"]
    queues.add("a", lambda: record("third"))
    await queues.join()
    assert done[-1] == "third"


async def test_a_job_that_raises_is_logged_and_the_next_one_runs(caplog: pytest.LogCaptureFixture) -> None:
    queues, done = SerialQueues(), list[str]()

    async def fail() -> None:
        raise RuntimeError("ouch")

    async def record() -> None:
        done.append("next")

    queues.add("a", fail)
    queues.add("a", record)
    await queues.join()
    assert (done, caplog.messages) == (["next"], ["Command for a failed"])


async def test_a_queue_is_bounded_and_keeps_the_newest_jobs(caplog: pytest.LogCaptureFixture) -> None:
    queues, done, gate = SerialQueues(), list[int](), asyncio.Event()

    async def record(number: int) -> None:
        await gate.wait()
        done.append(number)

    def add(number: int) -> None:
        queues.add("a", lambda: record(number))

    add(0)
    await asyncio.sleep(0)  # it is under way
    for number in range(1, MAX_WAITING + 4):
        add(number)
    gate.set()
    await queues.join()
    assert done == [0, *range(4, MAX_WAITING + 4)]
    assert caplog.messages == ["3 commands for a were left out: those before them took too long"]


async def test_close_cancels_running_jobs_and_leaves_no_task(caplog: pytest.LogCaptureFixture) -> None:
    queues, done = SerialQueues(), list[str]()

    async def wait() -> None:
        await asyncio.Event().wait()

    async def record() -> None:
        done.append("never")

    queues.add("a", wait)
    queues.add("a", record)
    await asyncio.sleep(0)
    await queues.close()
    await queues.join()
    assert (done, caplog.messages) == ([], ["1 commands for a are left out: the daemon ends"])
