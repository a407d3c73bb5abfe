"""What is due in the same tick is called together."""

from __future__ import annotations

import asyncio

import pytest

from ldirectord_py.runtime.timer_wheel import TICK, TimerWheel, current_wheel, on_tick


def test_a_tick_is_never_before_what_is_due() -> None:
    assert [on_tick(due) for due in (0.0, TICK / 3, TICK, 1.0, 1.001)] == [0.0, TICK, TICK, 1.0, 1.0 + TICK]


async def test_what_is_due_in_the_same_tick_is_called_at_once_and_in_order() -> None:
    loop, called = asyncio.get_running_loop(), list[tuple[str, float]]()
    wheel = TimerWheel(loop)
    done = asyncio.Event()
    base = on_tick(loop.time()) + TICK

    def record(name: str) -> None:
        called.append((name, loop.time()))
        if name == "last":
            done.set()

    wheel.schedule(base + 2.5 * TICK, lambda: record("last"))
    wheel.schedule(base + 0.25 * TICK, lambda: record("one"))
    wheel.schedule(base + 0.75 * TICK, lambda: record("two"))
    async with asyncio.timeout(10):
        await done.wait()
    assert [name for name, _ in called] == ["one", "two", "last"]
    assert all(at >= base + wait for (_, at), wait in zip(called, (0.25 * TICK, 0.75 * TICK, 2.5 * TICK), strict=True))


async def test_what_cannot_be_cancelled_is_called_with_the_others_of_its_tick() -> None:
    loop, called, done = asyncio.get_running_loop(), list[str](), asyncio.Event()
    wheel, due = TimerWheel(loop), loop.time() + TICK

    def kept() -> None:
        called.append("kept")

    wheel.schedule(due, done.set)
    wheel.post(due, kept)
    wheel.cancel(on_tick(due), kept)
    wheel.post(due + TICK, kept)
    async with asyncio.timeout(10):
        await done.wait()
        while len(called) < 2:
            await asyncio.sleep(TICK)
    assert called == ["kept", "kept"]


async def test_what_is_dropped_is_not_called() -> None:
    loop, called, done = asyncio.get_running_loop(), list[str](), asyncio.Event()
    wheel, due = TimerWheel(loop), loop.time() + TICK

    def early() -> None:
        called.append("early")

    wheel.cancel(wheel.schedule(due, early), early)
    wheel.cancel(on_tick(due) + 1, early)
    wheel.schedule(due, done.set)
    async with asyncio.timeout(10):
        await done.wait()
    assert called == []


async def test_what_was_called_can_be_dropped_though_its_tick_comes_anew() -> None:
    """As under uvloop, whose timers may fire up to a millisecond early: what they schedule falls into the same tick."""
    loop, done = asyncio.get_running_loop(), asyncio.Event()
    wheel = TimerWheel(loop)
    tick = on_tick(loop.time())

    def called() -> None:
        wheel.schedule(tick, done.set)
        wheel.cancel(tick, called)

    wheel.schedule(tick, called)
    async with asyncio.timeout(10):
        await done.wait()


async def test_a_loop_has_one_wheel() -> None:
    wheel = current_wheel()
    assert wheel is current_wheel()
    async with asyncio.timeout(10):
        assert await asyncio.to_thread(asyncio.run, _wheel()) is not wheel
    assert current_wheel().loop is asyncio.get_running_loop()


async def _wheel() -> TimerWheel:
    return current_wheel()


async def test_a_call_that_fails_loses_none_of_its_tick(caplog: pytest.LogCaptureFixture) -> None:
    loop, done = asyncio.get_running_loop(), asyncio.Event()
    wheel, due = TimerWheel(loop), loop.time()

    def fail() -> None:
        raise RuntimeError("a fault of ours")

    wheel.schedule(due, fail)
    wheel.schedule(due, done.set)
    async with asyncio.timeout(10):
        await done.wait()
    assert "a fault of ours" in caplog.text
