from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ldirectord_py.health import HealthState, Pace, Rules, Transition, Verdict

UP, DOWN, NONE, MAINTENANCE = Verdict.UP, Verdict.DOWN, Verdict.NONE, Verdict.MAINTENANCE


def after(state: HealthState, rules: Rules, *verdicts: Verdict) -> HealthState:
    for verdict in verdicts:
        state = state.after(verdict, rules)
    return state


def step_of(state: HealthState, verdict: Verdict, rules: Rules) -> Transition:
    return Transition(state, state.after(verdict, rules))


@pytest.mark.parametrize(
    ("start", "rules", "verdicts", "up"),
    [
        (False, Rules(), [UP], True),
        (True, Rules(), [DOWN], False),
        (True, Rules(fall=3), [DOWN, DOWN], True),
        (True, Rules(fall=3), [DOWN, DOWN, DOWN], False),
        (True, Rules(fall=3), [DOWN, DOWN, UP, DOWN, DOWN], True),
        (True, Rules(fall=2), [DOWN, NONE, NONE, DOWN], False),
        (False, Rules(rise=2), [UP], False),
        (False, Rules(rise=2), [UP, DOWN, UP], False),
        (False, Rules(rise=2), [UP, UP], True),
        (True, Rules(fall=3), [MAINTENANCE], False),
        (False, Rules(fall=3), [MAINTENANCE, UP], True),
    ],
)
def test_verdicts_in_a_row_change_the_state(start: bool, rules: Rules, verdicts: list[Verdict], up: bool) -> None:
    assert after(HealthState(up=start), rules, *verdicts).up is up


@pytest.mark.parametrize(("fall", "up"), [(1, False), (2, True)])
def test_F9_one_failure_of_five_takes_a_server_out_only_if_one_is_enough(fall: int, up: bool) -> None:
    rules, verdicts = Rules(fall), [UP, UP, UP, UP, DOWN] * 20
    states = accumulate(verdicts, lambda state, verdict: state.after(verdict, rules), initial=HealthState(up=True))
    assert all(state.up for state in states) is up


def test_a_fault_of_this_host_changes_nothing() -> None:
    state = HealthState(up=True, failures=2)
    assert state.after(NONE, Rules(fall=3)) is state


def test_what_a_step_is_called() -> None:
    rules = Rules(fall=2)
    soft = step_of(HealthState(up=True), DOWN, rules)
    fell = step_of(soft.after, DOWN, rules)
    still = step_of(fell.after, DOWN, rules)
    rose = step_of(still.after, UP, rules)
    assert (soft.soft_failure, soft.fell, soft.recovered) == (True, False, False)
    assert (fell.soft_failure, fell.fell, fell.rose) == (False, True, False)
    assert still.before == still.after
    assert (rose.rose, rose.recovered) == (True, False)
    assert step_of(soft.after, UP, rules).recovered


def test_successes_of_a_server_that_did_not_fail_are_called_nothing() -> None:
    for state in (HealthState(up=True), HealthState()):
        step = step_of(state, UP, Rules(rise=3))
        assert (step.rose, step.fell, step.first_failure, step.soft_failure, step.recovered) == (False,) * 5


def test_a_server_that_stays_down_neither_rises_nor_falls() -> None:
    step = step_of(HealthState(failures=1), DOWN, Rules(fall=3))
    assert (step.rose, step.fell, step.first_failure, step.soft_failure, step.recovered) == (False,) * 5


def test_a_failure_counts_right_after_enough_successes() -> None:
    rules = Rules(fall=2, rise=2)
    settled = after(HealthState(), rules, UP, UP)
    assert settled == HealthState(up=True, successes=2)
    assert after(settled, rules, DOWN) == HealthState(up=True, failures=1)
    assert after(settled, rules, DOWN, DOWN, DOWN) == HealthState(failures=2)


def test_maintenance_counts_as_failures_enough() -> None:
    assert after(HealthState(up=True), Rules(fall=3), MAINTENANCE) == HealthState(failures=3)
    assert after(HealthState(failures=4), Rules(fall=3), MAINTENANCE) == HealthState(failures=4)


def test_a_state_that_does_not_change_is_the_same_object() -> None:
    rules = Rules(fall=1, rise=2)
    for state, verdict in ((HealthState(up=True, successes=2), UP), (HealthState(failures=1), DOWN)):
        assert state.after(verdict, rules) is state


def test_the_first_failure_of_a_server_that_was_never_up_is_told_once() -> None:
    first = step_of(HealthState(), DOWN, Rules())
    second = step_of(first.after, DOWN, Rules())
    assert (first.first_failure, second.first_failure) == (True, False)


@pytest.mark.parametrize(
    ("start", "verdicts", "interval"),
    [
        (True, [UP], 1),  # of three successes that settle it
        (True, [UP, UP, UP], 10),
        (True, [UP, UP, UP, DOWN], 1),
        (True, [UP, UP, UP, DOWN, UP], 1),
        (True, [UP, UP, UP, DOWN, UP, UP, UP], 10),
        (True, [DOWN, DOWN], 30),
        (True, [DOWN, DOWN, UP], 1),
        (True, [DOWN, DOWN, UP, DOWN], 30),
        (True, [DOWN, DOWN, UP, UP, UP], 10),
        (True, [DOWN, NONE], 1),
    ],
)
def test_the_interval_follows_the_verdicts(start: bool, verdicts: list[Verdict], interval: float) -> None:
    rules = Rules(fall=2, rise=3)
    assert Pace(1, 30, rules).interval(after(HealthState(up=start), rules, *verdicts), 10) == interval


@given(st.lists(st.sampled_from([UP, DOWN])), st.integers(1, 4), st.integers(1, 4))
def test_intervals_that_are_not_set_are_the_normal_one(verdicts: list[Verdict], fall: int, rise: int) -> None:
    rules = Rules(fall, rise)
    assert Pace(None, None, rules).interval(after(HealthState(up=True), rules, *verdicts), 10) == 10


@given(
    up=st.booleans(),
    fall=st.integers(1, 5),
    rise=st.integers(1, 5),
    verdicts=st.lists(st.sampled_from([UP, DOWN, NONE])),
)
def test_down_takes_fall_failures_and_up_takes_rise_successes_in_a_row(
    up: bool, fall: int, rise: int, verdicts: list[Verdict]
) -> None:
    state, streak = HealthState(up=up), list[Verdict]()
    for verdict in verdicts:
        if verdict is not NONE:
            streak = [*streak, verdict] if verdict in streak[-1:] else [verdict]
        step = step_of(state, verdict, Rules(fall, rise))
        if step.fell:
            assert streak[-fall:] == [DOWN] * fall
        if step.rose:
            assert streak[-rise:] == [UP] * rise
        state = step.after
        if len(streak) >= max(fall, rise):
            assert state.up is (streak[-1] is UP)
