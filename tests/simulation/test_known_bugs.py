"""The simulation is able to find bugs: each known one that is put back violates an invariant within 300 seeds."""

from __future__ import annotations

import pytest

from simulation.child import simulation
from simulation.known_bugs.all_known_bugs import KNOWN_BUGS
from simulation.known_bugs.known_bug import KnownBug

MAX_SEEDS = 300


@pytest.mark.slow
@pytest.mark.parametrize("bug", KNOWN_BUGS.values(), ids=list(KNOWN_BUGS))
def test_a_bug_that_is_put_back_is_found(bug: KnownBug) -> None:
    seeds = ("--first", str(bug.seed), "--seeds", str(MAX_SEEDS - bug.seed), "--until-failure")
    done = simulation("--bug", bug.name, *seeds, fails=True)
    print(f"{bug.what} found at seed {done['failed'][0]}: {done['violations'][0]}")
    assert len(done["failed"]) == 1


def test_a_bug_is_put_back_only_within_its_context() -> None:
    for bug in KNOWN_BUGS.values():
        before = {(owner, name): vars(owner)[name] for owner, name, _ in bug.replacements()}
        with bug.put_back():
            assert all(vars(owner)[name] is not value for (owner, name), value in before.items())
        assert all(vars(owner)[name] is value for (owner, name), value in before.items())
