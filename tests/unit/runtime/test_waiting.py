"""A wait ends with its event or its time; coroutines that run together end together."""

from __future__ import annotations

import asyncio
import gc
import time
import weakref
from contextlib import suppress

import pytest

from harness.waiting import until
from ldirectord_py.runtime.waiting import RunningTimeout, repeat, run_all, wait_or_set, wait_until_set


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


@pytest.mark.parametrize("seconds", [0.02, 60.0])
async def test_an_event_is_set_after_a_time_at_the_latest(seconds: float) -> None:
    event, began = asyncio.Event(), time.monotonic()
    asyncio.get_running_loop().call_later(0.05, event.set)
    await wait_or_set(event, seconds)
    assert event.is_set()
    assert 0.01 < time.monotonic() - began < 10


async def test_a_wait_that_is_over_sets_nothing_later() -> None:
    event = asyncio.Event()
    event.set()
    await wait_or_set(event, 0.02)
    event.clear()
    await asyncio.sleep(0.05)
    assert not event.is_set()


async def test_a_block_ends_after_the_time_in_which_this_process_ran() -> None:
    began = time.monotonic()
    with pytest.raises(TimeoutError):
        async with RunningTimeout(0.06):
            await asyncio.sleep(60)
    assert time.monotonic() - began >= 0.05


async def test_a_pause_of_this_process_is_no_timeout() -> None:
    """What was to come during the pause comes after it, in later turns of the loop than all timers that are due."""
    loop, event = asyncio.get_running_loop(), asyncio.Event()
    loop.call_later(0.01, time.sleep, 0.5)
    loop.call_later(0.02, lambda: loop.call_later(0.02, event.set))
    async with RunningTimeout(0.3):
        await event.wait()


async def test_a_block_that_is_done_is_not_ended_later() -> None:
    async with RunningTimeout(0.01):
        await asyncio.sleep(0)
    await asyncio.sleep(0.05)


@pytest.mark.parametrize("seconds", [0.01, 60])
async def test_a_block_leaves_nothing_to_the_garbage_collector(seconds: float) -> None:
    gc.disable()
    try:
        limit = RunningTimeout(seconds)
        with suppress(TimeoutError):
            async with limit:
                await asyncio.sleep(0.05)
        ended = weakref.ref(limit)
        del limit
        await asyncio.sleep(0)
        assert ended() is None
    finally:
        gc.enable()


@pytest.mark.parametrize("error", [OSError("gone"), TimeoutError("its own")])
async def test_what_a_block_raises_is_raised(error: OSError) -> None:
    with pytest.raises(type(error), match=str(error)):
        async with RunningTimeout(60):
            raise error


async def test_a_block_that_is_cancelled_is_cancelled() -> None:
    async def wait() -> None:
        async with RunningTimeout(60):
            await asyncio.sleep(60)

    waiting = asyncio.create_task(wait())
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
