"""So many at once, the others in the order in which they came."""

from __future__ import annotations

import asyncio

import pytest

from ldirectord_py.runtime.limiter import AcquireBoth, Limiter


class Queue:
    """Tasks that hold a turn until ``end``, and the order in which they got it."""

    def __init__(self, turns: Limiter) -> None:
        self.turns = turns
        self.got: list[int] = []
        self._ends: dict[int, asyncio.Event] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}

    async def join(self, *numbers: int) -> None:
        for number in numbers:
            self._ends[number] = asyncio.Event()
            self._tasks[number] = asyncio.create_task(self._hold(number))
        await self.run_tasks()

    async def _hold(self, number: int) -> None:
        async with self.turns:
            self.got.append(number)
            await self._ends[number].wait()

    async def end(self, *numbers: int) -> None:
        for number in numbers:
            self._ends[number].set()
        await self.run_tasks()

    async def give_up(self, *numbers: int) -> None:
        for number in numbers:
            self._tasks[number].cancel()
        await self.run_tasks()

    async def run_tasks(self) -> None:
        for _ in range(5):
            await asyncio.sleep(0)


async def test_those_above_the_limit_wait_in_order() -> None:
    queue = Queue(Limiter(2))
    await queue.join(1, 2, 3, 4)
    assert queue.got == [1, 2]
    await queue.end(2)
    assert queue.got == [1, 2, 3]
    await queue.end(1, 3, 4)
    assert (queue.got, queue.turns.acquired) == ([1, 2, 3, 4], 0)


async def test_who_gives_up_holds_up_nobody() -> None:
    queue = Queue(Limiter(1))
    await queue.join(1, 2, 3)
    await queue.give_up(2)
    await queue.end(1)
    assert queue.got == [1, 3]
    await queue.give_up(3)
    assert queue.turns.acquired == 0


async def test_a_turn_that_comes_as_its_owner_gives_up_goes_to_the_next() -> None:
    queue = Queue(Limiter(1))
    await queue.join(1, 2, 3)
    queue._ends[1].set()
    await asyncio.sleep(0)  # the turn is given, and 2 has not yet seen it
    await queue.give_up(2)
    assert queue.got == [1, 3]


async def test_another_limit_ends_nothing_and_lets_others_in() -> None:
    queue = Queue(Limiter(2))
    await queue.join(1, 2, 3, 4, 5)
    queue.turns.limit = 1
    await queue.end(1)
    assert queue.got == [1, 2]
    queue.turns.limit = 3
    await queue.run_tasks()
    assert (queue.got, queue.turns.limit) == ([1, 2, 3, 4], 3)
    await queue.end(2, 3, 4, 5)
    assert queue.turns.acquired == 0


async def test_a_turn_beyond_the_limit_counts() -> None:
    queue = Queue(Limiter(1))
    await queue.join(1, 2)
    queue.turns.acquire_beyond_limit()
    await queue.end(1)
    assert queue.got == [1]
    queue.turns.release()
    await queue.run_tasks()
    assert queue.got == [1, 2]
    await queue.end(2)


@pytest.mark.slow
async def test_any_number_may_give_up_at_once() -> None:
    queue = Queue(Limiter(1))
    await queue.join(*range(40_000))
    clock, began = asyncio.get_running_loop().time, asyncio.get_running_loop().time()
    await queue.give_up(*range(39_999, 0, -1))
    assert clock() - began < 8  # a second; a look at all who wait, for each of them, takes 17
    await queue.end(0)
    assert (queue.got, queue.turns.acquired) == ([0], 0)


async def test_of_both_none_is_held_where_the_second_cannot_be_had() -> None:
    first, second = Limiter(1), Limiter(0)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05), AcquireBoth(first, second):
            pytest.fail("there is no room")
    assert (first.acquired, second.acquired) == (0, 0)
    second.limit = 1
    async with AcquireBoth(first, second):
        assert (first.acquired, second.acquired) == (1, 1)
    assert (first.acquired, second.acquired) == (0, 0)
