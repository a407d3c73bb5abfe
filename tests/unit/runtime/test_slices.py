"""However many do long work at once, a turn of the event loop has one slice of it."""

from __future__ import annotations

import asyncio

import pytest

from ldirectord_py.runtime import slices
from ldirectord_py.runtime.slices import in_slices, one_slice


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


async def test_items_are_made_in_slices_in_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    assert await in_slices(range(0)) == []
    assert await in_slices(range(1000)) == list(range(1000))
    monkeypatch.setattr(slices, "SLICE_LENGTH", 0.0)
    turns = list[int]()

    async def count_turns() -> None:
        while True:
            turns.append(0)
            await asyncio.sleep(0)

    counting = asyncio.create_task(count_turns())
    assert await in_slices(iter(range(20))) == list(range(20))
    counting.cancel()
    assert len(turns) >= 20
