"""The event loop is held where our code takes the processor or blocks, and nowhere else."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest
import uvloop

from harness.held_loop import Place
from harness.layers import PACKAGE
from harness.loop_guard import GuardedLoops, Held, LoopGuard, ThreadTimes

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
def guard() -> Iterator[LoopGuard]:
    started = LoopGuard()
    started.start()
    yield started
    started.close()


def pretended(name: str) -> Callable[..., Any]:
    """Return a function of SOURCE, as if it stood in the package."""
    names: dict[str, Any] = {}
    exec(compile(SOURCE, str(PACKAGE / "pretended.py"), "exec"), names)  # noqa: S102
    function: Callable[..., Any] = names[name]
    return function


def run(
    guard: LoopGuard, loop: Callable[[], asyncio.AbstractEventLoop], main: Coroutine[Any, Any, None]
) -> Held | None:
    with asyncio.Runner(loop_factory=loop) as runner:
        with guard.watching(runner.get_loop()):
            runner.run(main)
        return guard.take()


@pytest.mark.holds_loop
@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("name", ["spin", "doze"])
def test_a_callback_of_ours_that_takes_long_is_found(
    guard: LoopGuard, loop: Callable[[], asyncio.AbstractEventLoop], name: str
) -> None:
    async def main() -> None:
        asyncio.get_running_loop().call_soon(pretended(name), time.monotonic() + PATIENCE, guard.found)
        await asyncio.sleep(0.01)

    held = run(guard, loop, main())
    assert held is not None
    assert (held.place.file, held.place.name) == (str(PACKAGE / "pretended.py"), name)
    assert held.seconds > 0.1


@pytest.mark.holds_loop
@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("name", ["spin", "doze"])
def test_what_a_test_calls_itself_is_its_own_affair(
    guard: LoopGuard, loop: Callable[[], asyncio.AbstractEventLoop], name: str
) -> None:
    async def main() -> None:
        pretended(name)(time.monotonic() + SHORT, guard.found)
        time.sleep(SHORT)  # noqa: ASYNC251  on purpose

    assert run(guard, loop, main()) is None


@pytest.mark.holds_loop
@pytest.mark.parametrize("loop", LOOPS)
def test_a_loop_that_waits_or_takes_many_short_turns_is_not_held(
    guard: LoopGuard, loop: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    async def main() -> None:
        await asyncio.sleep(SHORT)
        end = time.monotonic() + SHORT
        while time.monotonic() < end:
            asyncio.get_running_loop().call_soon(pretended("spin"), time.monotonic() + 0.002, [])
            await asyncio.sleep(0)

    assert run(guard, loop, main()) is None


@pytest.mark.holds_loop
def test_a_wait_for_another_thread_is_not_charged(guard: LoopGuard) -> None:
    released = threading.Event()
    threading.Timer(SHORT, released.set).start()

    async def main() -> None:
        asyncio.get_running_loop().call_soon(released.wait)
        await asyncio.sleep(0.01)

    assert run(guard, uvloop.new_event_loop, main()) is None


def test_time_without_a_processor_is_not_charged() -> None:
    before = ThreadTimes(10.0, 5.0, 1.0, blocked=True)
    assert ThreadTimes(20.0, 5.1, 1.0, blocked=False).spent_since(before) == pytest.approx(0.1)
    assert ThreadTimes(20.0, 5.1, 10.5, blocked=True).spent_since(before) == pytest.approx(0.5)
    assert ThreadTimes(20.0, 5.1, 11.0, blocked=True).spent_since(before) == pytest.approx(0.1)


@pytest.mark.parametrize(("again", "fails"), [([True, True], True), ([True, False], False), ([False], False)])
def test_a_test_fails_only_if_the_loop_is_held_again_and_again(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, again: list[bool], fails: bool
) -> None:
    guard = LoopGuard()
    plugin = GuardedLoops(guard)
    monkeypatch.setattr("harness.loop_guard._is_held_again", lambda _: again.pop(0))
    call = plugin.pytest_runtest_call(request.node)
    next(call)
    guard.found.append(Held(0.25, Place("a.py", 7, "main")))
    with pytest.raises(pytest.fail.Exception if fails else StopIteration) as ended:
        call.send(None)
    guard.close()
    assert again == []
    if fails:
        assert str(ended.value) == "the event loop was held for 250 ms by main (a.py:7)"
