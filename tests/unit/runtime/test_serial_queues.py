"""Works of one lane keep their order; lanes do not wait for each other; what is too much is dropped and told."""

from __future__ import annotations

import asyncio

import pytest

from ldirectord_py.runtime.serial_queues import MAX_WAITING, SerialQueues


async def test_jobs_of_a_queue_run_in_order_and_queues_do_not_wait_for_each_other() -> None:
    lanes, done, gate = SerialQueues(), list[str](), asyncio.Event()

    async def wait() -> None:
        await gate.wait()
        done.append("first")

    async def note(word: str) -> None:
        done.append(word)

    lanes.add("a", wait)
    lanes.add("a", lambda: note("second"))
    lanes.add("b", lambda: note("other"))
    await asyncio.sleep(0.01)
    assert done == ["other"]
    gate.set()
    await lanes.join()
    assert done == ["other", "first", "second"]
    lanes.add("a", lambda: note("third"))
    await lanes.join()
    assert done[-1] == "third"


async def test_a_job_that_raises_is_logged_and_the_next_one_runs(caplog: pytest.LogCaptureFixture) -> None:
    lanes, done = SerialQueues(), list[str]()

    async def fail() -> None:
        raise RuntimeError("ouch")

    async def note() -> None:
        done.append("next")

    lanes.add("a", fail)
    lanes.add("a", note)
    await lanes.join()
    assert (done, caplog.messages) == (["next"], ["Command for a failed"])


async def test_a_queue_is_bounded_and_keeps_the_newest_jobs(caplog: pytest.LogCaptureFixture) -> None:
    lanes, done, gate = SerialQueues(), list[int](), asyncio.Event()

    async def note(number: int) -> None:
        await gate.wait()
        done.append(number)

    def add(number: int) -> None:
        lanes.add("a", lambda: note(number))

    add(0)
    await asyncio.sleep(0)  # it is under way
    for number in range(1, MAX_WAITING + 4):
        add(number)
    gate.set()
    await lanes.join()
    assert done == [0, *range(4, MAX_WAITING + 4)]
    assert caplog.messages == ["3 commands for a were left out: those before them took too long"]


async def test_close_cancels_running_jobs_and_leaves_no_task(caplog: pytest.LogCaptureFixture) -> None:
    lanes, done = SerialQueues(), list[str]()

    async def wait() -> None:
        await asyncio.Event().wait()

    async def note() -> None:
        done.append("never")

    lanes.add("a", wait)
    lanes.add("a", note)
    await asyncio.sleep(0)
    await lanes.close()
    await lanes.join()
    assert (done, caplog.messages) == ([], ["1 commands for a are left out: the daemon ends"])
