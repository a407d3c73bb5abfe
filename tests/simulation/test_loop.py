"""The simulated loop: its time jumps, its callbacks run in turns, and a seed decides their order."""

from __future__ import annotations

import asyncio
from random import Random

import pytest

from simulation.clock import CLOCK
from simulation.loop import SimulatedLoop


@pytest.fixture(autouse=True)
def _time_begins_again() -> None:
    CLOCK.reset()


def loop(seed: str = "1", *, coarse: bool = False) -> SimulatedLoop:
    return SimulatedLoop(Random(seed), coarse=coarse, on_fault=print)  # type: ignore[abstract]  # as in process.py


def run(simulated: SimulatedLoop, until: float) -> None:
    asyncio._set_running_loop(None)
    while (due := simulated.next_due) <= until:
        CLOCK.now = max(CLOCK.now, due)
        simulated.turn()


def order(seed: str) -> list[int]:
    simulated, called = loop(seed), list[int]()
    for number in range(10):
        simulated.call_soon(called.append, number)
    simulated.turn()
    return called


def test_time_jumps_to_the_next_timer() -> None:
    simulated, times = loop(), list[float]()
    begin = CLOCK.now
    for delay in (3600.0, 1.0):
        simulated.call_later(delay, lambda: times.append(round(CLOCK.now - begin, 3)))
    run(simulated, begin + 7200.0)
    assert times == [1.0, 3600.0]


def test_what_a_turn_makes_ready_runs_in_the_next_one() -> None:
    simulated, called = loop(), list[str]()
    simulated.call_soon(simulated.call_soon, called.append, "second")
    simulated.turn()
    assert called == []
    simulated.turn()
    assert called == ["second"]


def test_the_seed_decides_the_order_of_a_turn() -> None:
    assert order("1") == order("1")
    assert len({tuple(order(str(seed))) for seed in range(5)}) > 1
    assert sorted(order("1")) == list(range(10))


def test_a_cancelled_callback_is_not_called() -> None:
    simulated, called = loop(), list[int]()
    simulated.call_later(1.0, called.append, 1).cancel()
    run(simulated, CLOCK.now + 2.0)
    assert called == []


def test_a_coarse_clock_stands_still_within_a_turn_and_its_timers_fire_early() -> None:
    simulated, lateness = loop(coarse=True), list[float]()
    due = simulated.time() + 0.03125
    simulated.call_at(due, lambda: lateness.append(simulated.time() - due))
    run(simulated, CLOCK.now + 1.0)
    assert lateness == [pytest.approx(-0.00025)]


def test_a_process_that_stands_still_does_so_between_two_callbacks() -> None:
    simulated, times = loop(), list[float]()
    begin = CLOCK.now
    for _ in range(10):
        simulated.call_soon(lambda: times.append(CLOCK.now - begin))
    simulated.stop_for = 60.0
    simulated.turn()
    assert {round(each) for each in times} <= {0, 60}
    assert round(times[-1]) == 60


def test_tasks_and_deadlines_run_in_simulated_time() -> None:
    simulated = loop()

    async def wait() -> str:
        try:
            async with asyncio.timeout(30.0):
                await asyncio.sleep(3600.0)
        except TimeoutError:
            return f"{CLOCK.now - begin:.0f}"
        return "slept"

    begin = CLOCK.now
    asyncio._set_running_loop(simulated)
    task = simulated.create_task(wait())
    while (due := simulated.next_due) <= begin + 60.0:
        CLOCK.now = max(CLOCK.now, due)
        simulated.turn()
    asyncio._set_running_loop(None)
    assert task.result() == "30"
