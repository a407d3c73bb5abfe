"""The event loop is held where our code takes the processor or blocks, and nowhere else."""

from __future__ import annotations

import asyncio
import threading
import time
import tracemalloc
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest
import uvloop

from harness.layers import PACKAGE
from harness.loop_guard import Held, LoopGuard
from harness.thread_times import ThreadTimes

pytestmark = pytest.mark.holds_loop

LOOPS = (asyncio.new_event_loop, uvloop.new_event_loop)

SOURCE = """
from time import monotonic, sleep

def spin(end, found):
    while monotonic() < end and not found:
        pass

def doze(end, found):
    while monotonic() < end and not found:
        sleep(0.1)

"""
"""Code that pretends to be the package's."""

PATIENCE = 120.0
"""Seconds until the guard has seen what it is to see."""

SHORT = 0.4
"""Seconds in which it would have seen it, on a host that is not too busy."""


@pytest.fixture
def found() -> Iterator[list[Held]]:
    """What a guard of this thread has reported so far."""
    found: list[Held] = []
    guard = LoopGuard(found.append)
    guard.start()
    yield found
    guard.close()


def pretended(name: str) -> Callable[..., Any]:
    """Return a function of SOURCE, as if it stood in the package."""
    names: dict[str, Any] = {}
    exec(compile(SOURCE, str(PACKAGE / "pretended.py"), "exec"), names)  # noqa: S102
    function: Callable[..., Any] = names[name]
    return function


def run(loop: Callable[[], asyncio.AbstractEventLoop], main: Coroutine[Any, Any, None]) -> None:
    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(main)


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("name", ["spin", "doze"])
def test_a_callback_of_ours_that_takes_long_is_found(
    found: list[Held], loop: Callable[[], asyncio.AbstractEventLoop], name: str
) -> None:
    async def main() -> None:
        asyncio.get_running_loop().call_soon(pretended(name), time.monotonic() + PATIENCE, found)
        await asyncio.sleep(0.01)

    run(loop, main())
    assert (found[0].places[0].file, found[0].places[0].name) == (str(PACKAGE / "pretended.py"), name)
    assert found[0].seconds > 0.1


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("name", ["spin", "doze"])
def test_what_a_test_calls_itself_is_its_own_affair(
    found: list[Held], loop: Callable[[], asyncio.AbstractEventLoop], name: str
) -> None:
    async def main() -> None:
        pretended(name)(time.monotonic() + SHORT, found)
        time.sleep(SHORT)  # noqa: ASYNC251  on purpose

    run(loop, main())
    assert found == []


@pytest.mark.parametrize("loop", LOOPS)
def test_a_loop_that_waits_or_takes_many_short_turns_is_not_held(
    found: list[Held], loop: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    async def main() -> None:
        await asyncio.sleep(SHORT)
        end = time.monotonic() + SHORT
        while time.monotonic() < end:
            asyncio.get_running_loop().call_soon(pretended("spin"), time.monotonic() + 0.002, [])
            await asyncio.sleep(0)

    run(loop, main())
    assert found == []


@pytest.mark.parametrize("loop", LOOPS)
def test_many_loops_one_after_the_other_are_not_one_turn(
    found: list[Held], loop: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    """As of a test with many examples."""

    async def main() -> None:
        asyncio.get_running_loop().call_soon(pretended("spin"), time.monotonic() + 0.02, [])
        await asyncio.sleep(0)

    for _ in range(20):
        run(loop, main())
        pretended("spin")(time.monotonic() + 0.02, [])
    assert found == []


def test_under_a_profiler_of_memory_nothing_is_found(found: list[Held]) -> None:
    async def main() -> None:
        asyncio.get_running_loop().call_soon(pretended("spin"), time.monotonic() + SHORT, [])
        await asyncio.sleep(0.01)

    tracemalloc.start()
    try:
        run(uvloop.new_event_loop, main())
    finally:
        tracemalloc.stop()
    assert found == []


def test_a_wait_for_another_thread_is_not_charged(found: list[Held]) -> None:
    released = threading.Event()
    threading.Timer(SHORT, released.set).start()

    async def main() -> None:
        asyncio.get_running_loop().call_soon(released.wait)
        await asyncio.sleep(0.01)

    run(uvloop.new_event_loop, main())
    assert found == []


def test_time_without_a_processor_is_not_charged() -> None:
    before = ThreadTimes(10.0, 5.0, 1.0, blocked=True)
    assert ThreadTimes(20.0, 5.1, 1.0, blocked=False).spent_since(before) == pytest.approx(0.1)
    assert ThreadTimes(10.13, 5.1, 1.0, blocked=True).spent_since(before) == pytest.approx(0.13)
    assert ThreadTimes(20.0, 5.1, 11.0, blocked=True).spent_since(before) == pytest.approx(0.1)


def test_a_wait_counts_no_longer_than_from_one_look_to_the_next_on_a_host_that_runs() -> None:
    before = ThreadTimes(10.0, 5.0, 1.0, blocked=True)
    assert ThreadTimes(20.0, 5.0, 1.0, blocked=True).spent_since(before) == 0.05
