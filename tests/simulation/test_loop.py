"""The simulated loop: its time jumps, its callbacks run in turns, and a seed decides their order."""

from __future__ import annotations

import asyncio
from heapq import heappop
from math import inf
from pathlib import Path
from random import Random

import pytest

from simulation.agenda import Agenda
from simulation.clock import CLOCK
from simulation.drawn_sites import uniform_site
from simulation.loop import SimulatedLoop
from simulation.world import World


@pytest.fixture(autouse=True)
def _time_begins_again() -> None:
    CLOCK.reset()


def loop(seed: str = "1", *, coarse: bool = False) -> SimulatedLoop:
    order = Random(seed)
    return SimulatedLoop(Agenda(), order, coarse=coarse, on_fault=print)  # type: ignore[abstract]  # as in process.py


def run(simulated: SimulatedLoop, until: float) -> None:
    """Let everything happen up to a time, as the simulated world does."""
    entries = simulated._agenda.entries
    while simulated.ready or entries[0][0] <= until:
        if not simulated.ready:
            CLOCK.now = max(CLOCK.now, entries[0][0])
        while entries[0][0] <= CLOCK.now:
            _, _, call, arguments = heappop(entries)
            call(*arguments)
        simulated.run_turns(until)


def order(seed: str) -> list[int]:
    simulated, called = loop(seed), list[int]()
    for number in range(10):
        simulated.call_soon(called.append, number)
    simulated.run_turns()
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
    simulated.run_turns()
    assert called == []
    simulated.run_turns()
    assert called == ["second"]


def test_the_seed_decides_the_order_of_a_turn() -> None:
    assert order("1") == order("1")
    assert len({tuple(order(str(seed))) for seed in range(5)}) > 1
    assert sorted(order("1")) == list(range(10))


def test_turns_end_where_something_else_is_due() -> None:
    simulated, called = loop(), list[str]()
    simulated.call_soon(simulated.call_soon, simulated.call_soon, called.append, "third")
    simulated._agenda.after(0.000015, called.append, "event")
    assert simulated.run_turns(inf) == 2
    assert called == []
    run(simulated, CLOCK.now + 1.0)
    assert called == ["event", "third"]


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
    simulated.stall_for = 60.0
    simulated.run_turns()
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
    run(simulated, begin + 60.0)
    asyncio._set_running_loop(None)
    assert task.result() == "30"


@pytest.mark.parametrize("interval", [0.02, 5.0])
def test_a_loop_that_spins_is_found_however_often_anything_else_happens(interval: float, tmp_path: Path) -> None:
    world = World("1", uniform_site(1, 1, 10), tmp_path)
    order = Random("1")
    world.loop = spinning = SimulatedLoop(world.agenda, order, coarse=False, on_fault=print)  # type: ignore[abstract]

    def spin() -> None:
        spinning.call_soon(spin)

    def happen() -> None:
        world.after(interval, happen)

    spin()
    happen()
    world.run(CLOCK.now + 2.0)
    assert [each.split()[0] for each in world.checks.violations] == ["I10"]
