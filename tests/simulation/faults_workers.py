"""Fault points of worker processes, which only sites with ``fork=yes`` have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulation.clock import CLOCK
from simulation.faults import Fault, point

if TYPE_CHECKING:
    from simulation.workers import SimulatedWorkerProcess
    from simulation.world import World


@point("F34-worker")
def killed_worker(world: World, fault: Fault) -> None:
    """Kill a worker, as the kernel does where memory is short."""
    if (worker := _worker(world, fault)) is not None:
        world.hit("F34-worker")
        world.disturb(CLOCK.now)
        world.lose_results(0.0)
        worker.kill()


@point("F43-worker")
def stopped_worker(world: World, fault: Fault) -> None:
    """Let a worker stand still; what it has found comes late, or never."""
    if (worker := _worker(world, fault)) is None:
        return
    world.hit("F43-worker")
    world.disturb(CLOCK.now)
    worker.hold()
    world.lose_results(fault.seconds)
    world.after(fault.seconds, worker.go_on)


def _worker(world: World, fault: Fault) -> SimulatedWorkerProcess | None:
    """Return a worker that runs, if there is one."""
    running = [each for each in world.workers.running if not each.is_held]
    return running[fault.target % len(running)] if running and not world.process.is_stopping else None
