"""However many do long work at once, a turn of the event loop has one slice of it."""

from __future__ import annotations

import asyncio

from ldirectord_py.runtime.slices import one_slice


async def test_a_turn_has_one_slice() -> None:
    turn, done = 0, list[int]()

    async def work() -> None:
        for _ in range(3):
            async with one_slice():
                done.append(turn)

    async def count_turns() -> None:
        nonlocal turn
        while True:
            turn += 1
            await asyncio.sleep(0)

    counting = asyncio.create_task(count_turns())
    await asyncio.gather(*(work() for _ in range(5)))
    counting.cancel()
    assert len(done) == len(set(done)) == 15


async def test_a_slice_that_fails_keeps_back_no_other() -> None:
    async def fail() -> None:
        async with one_slice():
            raise ZeroDivisionError

    await asyncio.gather(fail(), fail(), return_exceptions=True)
    async with asyncio.timeout(1), one_slice():
        pass
