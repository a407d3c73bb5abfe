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
