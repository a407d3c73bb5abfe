"""A wait ends with its event or its time; coroutines that run together end together."""

from __future__ import annotations

import asyncio
import time

import pytest

from harness.waiting import until
from ldirectord_py.runtime.waiting import repeat, run_all, wait_until_set


@pytest.mark.parametrize("seconds", [None, 60.0])
async def test_a_wait_ends_as_soon_as_its_event_is_set(seconds: float | None) -> None:
    event, began = asyncio.Event(), time.monotonic()
    asyncio.get_running_loop().call_later(0.02, event.set)
    assert await wait_until_set(event, seconds)
    assert time.monotonic() - began < 10


async def test_a_wait_ends_without_its_event_after_its_time() -> None:
    began = time.monotonic()
    assert not await wait_until_set(asyncio.Event(), 0.05)
    assert time.monotonic() - began >= 0.04


async def test_a_cancelled_wait_is_cancelled() -> None:
    waiting = asyncio.create_task(wait_until_set(asyncio.Event(), 60))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_an_action_is_repeated_also_after_a_fault(caplog: pytest.LogCaptureFixture) -> None:
    done: list[int] = []

    def act() -> None:
        done.append(1)
        if len(done) == 2:
            raise KeyError("a bug")

    async def act_later() -> None:
        await asyncio.sleep(0)
        act()

    for action in (act, act_later):
        done.clear()
        repeating = asyncio.create_task(repeat(action, 0.001, "Acting failed"))
        await until(lambda: len(done) >= 4, 10)
        repeating.cancel()
    assert caplog.messages == ["Acting failed"] * 2


async def test_an_exception_in_one_coroutine_ends_the_others() -> None:
    ended = []

    async def last() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.append("last")

    async def fail() -> None:
        await asyncio.sleep(0)
        raise OSError("gone")

    with pytest.raises(ExceptionGroup) as failure:
        await run_all(last(), fail())
    assert ended == ["last"]
    assert [str(each) for each in failure.value.exceptions] == ["gone"]


async def test_coroutines_that_return_are_awaited() -> None:
    await run_all(asyncio.sleep(0), asyncio.sleep(0.01))
