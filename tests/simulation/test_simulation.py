"""The director in a simulated world: its invariants hold with every mix of faults, and each run can be repeated."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Final

import pytest

from simulation.child import TESTS, simulation

SEEDS: Final = 100
"""Seeds of one test; each fault point has to be hit by one of them at least."""

LIST_POINTS: Final = "import json, simulation.plans, simulation.faults; print(json.dumps([*simulation.faults.POINTS]))"

PREAMBLE: Final = """
from simulation import clock
clock.install()
from dataclasses import replace
from simulation.faults import Fault
from simulation.plans import busy_plan
from simulation.simulate import simulate
"""
"""What each of these scripts begins with: the simulated clock has to be there before the package is imported."""

DEAF_DIRECTOR: Final = """
from ldirectord_py.daemon.reconciler.health_tracker import HealthTracker
from ldirectord_py.health import Verdict

observe = HealthTracker.observe
def ignore_failures(tracker, compiled, check, result):
    if result.verdict is not Verdict.DOWN:
        observe(tracker, compiled, check, result)

HealthTracker.observe = ignore_failures
print(*simulate(busy_plan("0", 0.03).with_faults([Fault("F1", 50.0, 50.0)])).violations)
"""
"""Prints what is wrong with a director of a large site that lets no failure count."""

DELETING_DRAIN: Final = """
from ldirectord_py.desired import DestinationSlot

DestinationSlot.administered_row = lambda slot, states, *, all_down: None
print(*simulate(busy_plan("0", 0.03).with_faults([Fault("F29", 60.0, 20.0, target=222, value=0.4)])).violations)
"""
"""Prints what is wrong with a director of a large site that deletes the row of a server that is drained."""

CROWDED_SITE: Final = """
from simulation.drawn_sites import spare_real

plan = busy_plan("0", 0.03)
virtual = plan.site.virtuals[0]
larger = plan.site.with_virtual(0, replace(virtual, reals=(*virtual.reals, spare_real(virtual, 1, 1))))
print(*simulate(replace(plan, site=larger, faults=(Fault("check-now", 50.0, 50.0),))).violations)
"""
"""Prints what is wrong where `check-now` meets more servers than one request may mean."""

SLOW_WRITE: Final = """
plan = busy_plan("0", 0.03)
backed = tuple(replace(virtual, fallback=True, backup=True) for virtual in plan.site.virtuals)
faults = Fault("F32", 50.0, 1.0), Fault("F24", 50.5, 12.0, value=0.9)
print(*simulate(replace(plan, site=replace(plan.site, virtuals=backed), faults=faults)).violations)
print(*simulate(plan.with_faults((Fault("F24", 49.0, 60.0, value=0.95), Fault("F2", 50.0, 12.0)))).violations)
"""
"""Prints what is wrong where servers come up during a write that takes them out: as fallbacks, or as they were down."""


@pytest.mark.slow
@pytest.mark.parametrize("first", [0, 100, 200])
def test_F53_the_invariants_hold_with_every_mix_of_faults(first: int) -> None:
    done = simulation("--first", str(first), "--seeds", str(SEEDS))
    points = json.loads(
        subprocess.run(
            (sys.executable, "-c", LIST_POINTS), cwd=TESTS, capture_output=True, text=True, timeout=60, check=True
        ).stdout
    )
    print(done["checked"], done["hit"], done["probes"], done["cpu_seconds"])
    assert set(points) <= done["hit"].keys()
    assert min(done["checked"].values()) > SEEDS


def test_a_seed_is_the_same_each_time() -> None:
    together = simulation("--first", "3", "--seeds", "6")["digests"]
    alone = {seed: simulation("--first", seed, "--seeds", "1")["digests"][seed] for seed in together}
    assert together == alone
    assert len(set(alone.values())) == len(alone)


def test_a_large_site_holds_at_a_short_interval() -> None:
    done = simulation("--hours", "0.1", "--seeds", "1")
    assert done["probes"] > 15_000
    assert done["checked"]["liveness"] > 500


def test_a_change_that_is_missed_in_a_large_site_is_found() -> None:
    printed = _printed(DEAF_DIRECTOR)
    assert "liveness" in printed
    assert "is up, in truth dark" in printed


def test_a_row_that_a_drain_deletes_in_a_large_site_is_found() -> None:
    assert "I1 at" in _printed(DELETING_DRAIN)


def test_a_site_may_have_more_servers_than_one_request_may_mean() -> None:
    assert not _printed(CROWDED_SITE)


def test_a_write_may_take_longer_than_what_was_its_reason() -> None:
    assert not _printed(SLOW_WRITE)


def _printed(script: str) -> str:
    command = (sys.executable, "-c", PREAMBLE + script)
    done = subprocess.run(command, cwd=TESTS, capture_output=True, text=True, timeout=600, check=True)
    return done.stdout.strip()
