"""How many checks begin in a turn of the event loop, on a clock that the test sets."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

import pytest

from ldirectord_py.daemon.probing.admission import MAX_BEGINNINGS, MAX_TURN, Admission


class Turns:
    """A loop that makes a turn on request; each check that begins costs it ``cost`` seconds."""

    def __init__(self, cost: float) -> None:
        self.now = 0.0
        self.cost = cost
        self.begun = 0
        self._soon: list[Callable[[], object]] = []

    def time(self) -> float:
        return self.now

    def call_soon(self, callback: Callable[[], object]) -> None:
        self._soon.append(callback)

    def begin(self) -> None:
        self.begun += 1
        self.now += self.cost

    def turn(self) -> int:
        """Make a turn; return how many checks began in it."""
        before, (soon, self._soon) = self.begun, (self._soon, [])
        for call in soon:
            call()
        return self.begun - before

    def admission(self) -> Admission:
        """Return an admission on this loop."""
        return Admission(cast("asyncio.AbstractEventLoop", self))

    @property
    def idle(self) -> bool:
        return not self._soon


def test_what_is_due_begins_at_once_where_the_loop_has_time() -> None:
    loop = Turns(cost=0.00001)
    admission = loop.admission()
    for _ in range(MAX_BEGINNINGS):
        admission.admit(loop.begin)
    assert (loop.begun, len(admission._waiting)) == (MAX_BEGINNINGS, 0)
    loop.turn()
    assert loop.turn() == 0
    assert loop.idle


def test_under_load_turns_stay_short_and_all_begin_in_their_order() -> None:
    loop, order = Turns(cost=0.001), list[int]()

    def begin(number: int) -> Callable[[], None]:
        def call() -> None:
            order.append(number)
            loop.begin()

        return call

    admission = loop.admission()
    for number in range(3000):
        admission.admit(begin(number))
    turns = list[int]()
    while len(admission._waiting):
        turns.append(loop.turn())
    assert order == list(range(3000))
    assert max(turns[10:]) * loop.cost <= 1.5 * MAX_TURN
    assert sum(turns[10:]) / len(turns[10:]) * loop.cost >= MAX_TURN / 2  # and no shorter than they need to be


def test_one_begins_in_each_turn_however_long_the_turns_are() -> None:
    loop = Turns(cost=5.0)
    admission = loop.admission()
    for _ in range(2 * MAX_BEGINNINGS + 50):
        admission.admit(loop.begin)
    began = list[int]()
    while len(admission._waiting):
        began.append(loop.turn())
    assert began[-20:] == [1] * 20


def test_after_a_load_as_many_begin_as_before() -> None:
    loop = Turns(cost=0.01)
    admission = loop.admission()
    for _ in range(1000):
        admission.admit(loop.begin)
    while len(admission._waiting):
        loop.turn()
    loop.cost = 0.000001
    for _ in range(50):
        admission.admit(loop.begin)
        loop.turn()
    loop.turn()
    for _ in range(MAX_BEGINNINGS):
        admission.admit(loop.begin)
    assert len(admission._waiting) == 0


def test_one_that_fails_to_begin_holds_up_no_other() -> None:
    def fail() -> None:
        raise MemoryError

    loop = Turns(cost=1.0)
    admission = loop.admission()
    for _ in range(MAX_BEGINNINGS):
        admission.admit(loop.begin)
    admission.admit(fail)
    admission.admit(loop.begin)
    with pytest.raises(MemoryError):
        loop.turn()
    loop.turn()
    assert loop.begun == MAX_BEGINNINGS + 1
