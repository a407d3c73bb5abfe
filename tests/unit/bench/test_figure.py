"""What figures derive from their runs, and their way through JSON."""

from __future__ import annotations

import json

import pytest

from bench.figure import Curve, Figure, Outcome, Spread, Target, ratio_at_most, value_at_most

WRITING = Figure("writing a table", "s", (1.0, 2.0, 6.0), (40.0, 20.0, 60.0), "ipvsadm", ratio_at_most(1 / 20))


def test_the_ratio_is_taken_run_by_run() -> None:
    assert WRITING.ratio == Spread(0.1, 0.025, 0.1)


def test_spreads_are_of_each_side() -> None:
    assert WRITING.our_spread == Spread(2.0, 1.0, 6.0)
    assert WRITING.their_spread == Spread(40.0, 20.0, 60.0)


def test_without_a_peer_there_is_no_ratio() -> None:
    alone = Figure("memory", "MB", (40.0, 44.0, 46.0), target=value_at_most(45, "MB"))
    assert (alone.ratio, alone.their_spread, alone.reached) == (None, None, True)


@pytest.mark.parametrize(
    ("target", "reached"),
    [
        (ratio_at_most(0.1), True),
        (ratio_at_most(0.09), False),
        (value_at_most(2.0, "s"), True),
        (value_at_most(1.9, "s"), False),
        (None, None),
    ],
)
def test_the_median_decides(target: Target | None, reached: bool | None) -> None:
    figure = Figure(WRITING.what, "s", WRITING.ours, WRITING.theirs, "ipvsadm", target)
    assert figure.reached is reached


def test_targets_say_themselves_unless_told_better() -> None:
    assert value_at_most(5.3, "s").text == "at most 5.3 s"
    assert ratio_at_most(1.2, "within 20 %").text == "within 20 %"


def test_runs_come_in_pairs() -> None:
    with pytest.raises(ValueError, match="as many runs"):
        Figure("x", "s", (1.0, 2.0), (1.0,), "ipvsadm")


def test_a_ratio_needs_a_peer() -> None:
    with pytest.raises(ValueError, match="needs a peer"):
        Figure("x", "s", (1.0,), target=ratio_at_most(1))


def test_an_outcome_survives_json() -> None:
    curve = Curve("growth", "CPU per check", "reals", "us", {"ours": ((100.0, 40.0), (1000.0, 41.0))}, log_x=True)
    alone = Figure("memory", "MB", (40.0,), target=value_at_most(45, "MB"))
    outcome = Outcome((WRITING, alone), (curve,), ("One boot.",), {"kernel": "6.1"})
    assert Outcome.of_json(json.loads(json.dumps(outcome.as_json()))) == outcome
