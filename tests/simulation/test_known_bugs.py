"""The simulation is able to find bugs: each known one that is put back violates an invariant within 300 seeds."""

from __future__ import annotations

import pytest

from simulation.child import simulation
from simulation.known_bugs.catalogue import KNOWN_BUGS, KnownBug

MAX_SEEDS = 300


@pytest.mark.slow
@pytest.mark.parametrize("bug", KNOWN_BUGS.values(), ids=list(KNOWN_BUGS))
def test_a_bug_that_is_put_back_is_found(bug: KnownBug) -> None:
    done = simulation("--bug", bug.name, "--seeds", str(MAX_SEEDS), "--until-failure", fails=True)
    print(f"{bug.what} found at seed {done['failed'][0]}: {done['violations'][0]}")
    assert len(done["failed"]) == 1


def test_a_bug_is_put_back_only_within_its_context() -> None:
    for bug in KNOWN_BUGS.values():
        before = {(owner, name): vars(owner)[name] for owner, name, _ in bug.replacements()}
        with bug.put_back():
            assert all(vars(owner)[name] is not value for (owner, name), value in before.items())
        assert all(vars(owner)[name] is value for (owner, name), value in before.items())
