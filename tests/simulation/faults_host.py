"""Fault points of the director's host: time, processors, descriptors, threads and the disk."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from simulation.clock import CLOCK
from simulation.faults import Fault, point
from simulation.host import step_wall_clock
from simulation.loop import TURN_TIME

if TYPE_CHECKING:
    from simulation.world import World

DAY: Final = 86_400.0

DISK_TIME: Final = 15.0
"""Seconds after a fault of the disk in which files are read again."""


@point("F15")
def no_threads(world: World, fault: Fault) -> None:
    """Let this host start no thread; whoever has reloaded meanwhile does it again."""
    world.threads.exhausted = True
    world.operator.expect_reload(fault.seconds + DISK_TIME)

    def end() -> None:
        world.threads.exhausted = False
        world.operator.reload()

    world.after(fault.seconds, end)


@point("F15-missing")
def no_command(world: World, fault: Fault) -> None:
    """Let the file of the command for external checks not be there."""
    world.commands.is_missing = True
    world.operator.expect_reload(fault.seconds + 1.0)
    world.after(fault.seconds, setattr, world.commands, "is_missing", False)


@point("F37")
def few_files(world: World, fault: Fault) -> None:
    """Let this process open few sockets, or none."""
    network = world.network
    network.limit, network.point = fault.target % 4, "F37"
    world.disturb(CLOCK.now + fault.seconds)
    world.after(fault.seconds, setattr, network, "limit", 60_000)


@point("F39")
def bad_disk(world: World, fault: Fault) -> None:
    """Let the disk be full, or not answer."""
    world.operator.expect_reload(fault.seconds + DISK_TIME)
    if fault.value < 0.5:
        world.host.disk_full = True
        world.after(fault.seconds, setattr, world.host, "disk_full", False)
    else:
        world.threads.disk_hangs_until = CLOCK.now + fault.seconds


@point("F42")
def clock_step(world: World, fault: Fault) -> None:
    """Set the wall clock by up to a day, forward or back."""
    world.hit("F42")
    step_wall_clock((fault.value - 0.5) * 2 * DAY)


@point("F43")
def stalls(world: World, fault: Fault) -> None:
    """Let the process stand still: once for long, or often and shortly, or run at a few percent of its speed."""
    starved = bool(fault.target % 2)
    if fault.value < 0.2:
        _stand_still(world, fault.seconds, starved=starved)
        return
    if fault.value > 0.75:
        _slow_down(world, fault.seconds, 0.2 * (fault.value - 0.75))
        return
    length = 0.01 + 3 * (fault.value - 0.2) ** 2
    spacing = length + 0.05 + (fault.target % 7) * 0.2
    for number in range(int(fault.seconds / spacing)):
        world.after(number * spacing, _stand_still, world, length * (0.5 + number % 3), starved)


def _slow_down(world: World, seconds: float, turn_time: float) -> None:
    loop = world.loop
    if loop is None:
        return
    world.hit("F43")
    loop.turn_time = turn_time

    def end() -> None:
        loop.turn_time = TURN_TIME
        world.on_stall(CLOCK.now - began)

    began = CLOCK.now
    world.disturb(began + 2 * seconds)
    world.after(seconds, end)


def _stand_still(world: World, seconds: float, starved: bool) -> None:
    if world.loop is not None:
        world.hit("F43")
        world.host.stand_still(seconds, starved=starved)
