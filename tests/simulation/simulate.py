"""One simulation: a seed and a list of faults in, violations and counts out."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
import sys
import time
import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from simulation import patches
from simulation.clock import CLOCK
from simulation.plans import Plan
from simulation.site import text_of
from simulation.world import TraceHandler, World

SETTLE_TIME: Final = 45.0
"""Seconds after the last fault: every back-off ends, and every change is found."""

MAX_WAIT: Final = 600.0
"""Seconds after that in which all that is expected later has to be over."""

MAX_COLLECTIONS: Final = 5
"""Collections after which what is left stays."""

MEMORY_FOLDER: Final = "/dev/shm"


@dataclass(slots=True)
class Outcome:
    """What came of a simulation; ``seconds`` is the CPU time that it took, ``probes`` how many there were."""

    violations: list[str]
    digest: str
    seconds: float
    probes: int
    hits: Counter[str] = field(default_factory=Counter)
    checked: Counter[str] = field(default_factory=Counter)
    lines: Sequence[str] = ()


def simulate(plan: Plan) -> Outcome:
    """Run the director on the site of a plan with its faults, and then until all is quiet."""
    with TemporaryDirectory(dir=MEMORY_FOLDER if Path(MEMORY_FOLDER).is_dir() else None) as folder:
        world = World(plan.seed, plan.site, Path(folder))
        handler = TraceHandler(world)
        root = logging.getLogger()
        root.setLevel(logging.INFO)
        root.addHandler(handler)
        began = time.process_time()
        try:
            with patches.installed(world):
                _run(world, plan)
        finally:
            root.removeHandler(handler)
            _clean_up(world)
    probes = sum(server.probes for server in world.network.servers.values())
    return Outcome(
        world.checks.violations,
        world.digest.hexdigest()[:16],
        time.process_time() - began,
        probes,
        world.hits,
        world.checks.counts,
        list(world.lines),
    )


def _run(world: World, plan: Plan) -> None:
    world.operator.place_servers()
    world.operator.write(text_of(world.operator.site))
    for fault in plan.faults:
        world.after(fault.at, fault.begin, world)
    _look(world, plan.site.interval / 2 if world.is_large else 1.0)
    world.process.start()
    world.run(world.begin + plan.length + SETTLE_TIME)
    end = CLOCK.now + MAX_WAIT
    while not world.checks.violations and (late := world.expected_until - CLOCK.now) > 0:
        if CLOCK.now > end:
            world.checks.fail("liveness", f"not everything was answered {MAX_WAIT:g} s after the last fault")
        world.run(CLOCK.now + late)
    if not world.checks.violations:
        world.process.signal(signal.SIGTERM)
        world.run(CLOCK.now + 6.0)


def _look(world: World, interval: float) -> None:
    world.truth.look()
    world.after(interval, _look, world, interval)


def _clean_up(world: World) -> None:
    """Release the coroutines of processes that were killed, which complain about it."""
    world.process.kill()
    hook, sys.unraisablehook = sys.unraisablehook, lambda _: None
    logging.disable()
    try:
        with warnings.catch_warnings(action="ignore"):
            world.forget()
            gc.unfreeze()
            asyncio.set_event_loop(None)  # or gather() would make one for coroutines that end now
            _collect_coroutines()
    finally:
        logging.disable(logging.NOTSET)
        sys.unraisablehook = hook


def _collect_coroutines() -> None:
    """Collect until no task is left: the end of a coroutine may begin others, which would end within a later seed."""
    for _ in range(MAX_COLLECTIONS):
        gc.collect()
        if all(task.done() for task in asyncio.tasks._all_tasks):  # type: ignore[attr-defined]  # not in typeshed
            return
