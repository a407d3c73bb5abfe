"""Bugs of timers, deadlines, the counting of verdicts, and workers: from the package, but for ``failures-in-all``."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Final

from ldirectord_py.checks.deadline import Deadline
from ldirectord_py.daemon.probing.prober import _ScheduledCheck
from ldirectord_py.daemon.workers.supervisor import WorkerSupervisor
from ldirectord_py.errors import Inconclusive, LdirectordError
from ldirectord_py.health import HealthState, Rules, Verdict
from ldirectord_py.runtime.timer_wheel import TimerWheel
from simulation.known_bugs.known_bug import Replacement, known_bug

OVERSLEPT: Final = 1.0
"""Seconds by which a deadline had to be noticed late before this host was blamed."""


@known_bug("timer-wheel", seed=15)
def cancelled_in_a_new_tick() -> Iterator[Replacement]:
    """To cancel a call that has run raises KeyError while its tick is scheduled again, as happens under uvloop."""

    def cancel(wheel: TimerWheel, tick: float, call: Callable[[], None]) -> None:
        if calls := wheel._scheduled.get(tick):
            del calls.cancellable[call]

    yield TimerWheel, "cancel", cancel


@known_bug("stall", seed=11)
def counted_stalls() -> Iterator[Replacement]:
    """A failure counts though this process stood still, unless its deadline was noticed late by a second."""
    failure = Deadline.failure

    def late_failure(deadline: Deadline) -> LdirectordError:
        late = deadline._wheel.loop.time() - deadline._tick
        return Inconclusive(f"this host was {late:.1f} s late") if late > OVERSLEPT else failure(deadline)

    yield Deadline, "__call__", Deadline._turn
    yield Deadline, "failure", late_failure
    yield Deadline, "stalled", property(lambda _: 0.0)


@known_bug("failures-in-all", seed=14)
def failures_in_all() -> Iterator[Replacement]:
    """The failures that take a server down need not be in a row: a success does not reset their count."""
    following = HealthState._next

    def counted(state: HealthState, verdict: Verdict, rules: Rules) -> HealthState:
        after = following(state, verdict, rules)
        return after._replace(failures=state.failures) if state.up and verdict is Verdict.UP else after

    yield HealthState, "_next", counted


@known_bug("burst", seed=11)
def burst_after_a_pause() -> Iterator[Replacement]:
    """After a pause of this host each check catches up on the probes that it has missed."""

    def advance(scheduled: _ScheduledCheck, now: float) -> None:
        scheduled._begins = max(scheduled._due, now)
        scheduled._due += scheduled._interval

    yield _ScheduledCheck, "_advance", advance


@known_bug("worker-missing", seed=140)
def worker_missing() -> Iterator[Replacement]:
    """A worker process that cannot be started is not tried again."""
    run_process = WorkerSupervisor._run_process

    async def run_once(supervisor: WorkerSupervisor) -> str:
        reason = await run_process(supervisor)
        if "cannot be started" in reason:
            await asyncio.get_running_loop().create_future()
        return reason

    yield WorkerSupervisor, "_run_process", run_once
