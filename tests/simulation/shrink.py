"""Finds the shortest list of faults with which a simulation still fails, by leaving out more and more of them."""

from __future__ import annotations

from simulation.plans import Plan
from simulation.simulate import Outcome, simulate


def shrunk(plan: Plan, failed: Outcome) -> tuple[Plan, Outcome]:
    """Return the plan with as few faults as possible that still fails in the same invariant, and its outcome."""
    kept, outcome = list(plan.faults), failed
    size = max(1, len(kept) // 2)
    while True:
        start, left_out = 0, False
        while start < len(kept):
            fewer = plan.with_faults(kept[:start] + kept[start + size :])
            tried = simulate(fewer)
            if _invariant(tried) == _invariant(failed):
                kept, outcome, left_out = list(fewer.faults), tried, True
            else:
                start += size
        if size == 1 and not left_out:
            return plan.with_faults(kept), outcome
        size = max(1, size // 2)


def _invariant(outcome: Outcome) -> str:
    return outcome.violations[0].partition(" ")[0] if outcome.violations else ""
