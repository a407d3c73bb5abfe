"""One object for each event loop and thread."""

from __future__ import annotations

import asyncio
import threading

import pytest

from ldirectord_py.runtime.loop_local import LoopLocal


async def test_calls_in_one_loop_return_one_object() -> None:
    local = LoopLocal(lambda loop: [loop])
    assert local() is local()
    assert local() == [asyncio.get_running_loop()]


def test_the_next_loop_gets_another_object() -> None:
    local = LoopLocal(lambda loop: [loop])

    async def call() -> list[asyncio.AbstractEventLoop]:
        assert local() == [asyncio.get_running_loop()]
        return local()

    assert asyncio.run(call()) is not asyncio.run(call())


def test_loops_that_alternate_in_a_thread_never_get_the_object_of_another() -> None:
    local = LoopLocal(lambda loop: [loop])

    async def call() -> None:
        assert local() == [asyncio.get_running_loop()]
        assert local() is local()

    with asyncio.Runner() as one, asyncio.Runner() as other:
        for runner in (one, other, other, one, other):
            runner.run(call())


def test_where_no_object_can_be_made_the_next_call_makes_one() -> None:
    failures = [ZeroDivisionError()]

    def make(loop: asyncio.AbstractEventLoop) -> list[asyncio.AbstractEventLoop]:
        if failures:
            raise failures.pop()
        return [loop]

    local = LoopLocal(make)

    async def call() -> None:
        with pytest.raises(ZeroDivisionError):
            local()
        assert local() == [asyncio.get_running_loop()]

    asyncio.run(call())


def test_without_a_running_loop_there_is_none() -> None:
    local = LoopLocal(lambda loop: [loop])

    async def call() -> None:
        local()

    asyncio.run(call())
    with pytest.raises(RuntimeError):
        local()


async def test_a_loop_in_another_thread_gets_another_object() -> None:
    local = LoopLocal(lambda loop: [loop])
    ours, theirs = local(), list[asyncio.AbstractEventLoop]()

    async def call() -> None:
        theirs.extend(local())

    thread = threading.Thread(target=lambda: asyncio.run(call()))
    thread.start()  # while this loop runs
    thread.join()
    assert theirs != ours
    assert local() is ours
