"""When a server flaps, and when that is over: nothing here has a clock of its own."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ldirectord_py.damping import (
    FlapHistory,
    FlappingState,
    FlapRules,
    KeptState,
    by_checks,
    calm_time,
    too_few,
)
from ldirectord_py.health import HealthState, Rules, Transition, Verdict

UP, DOWN, NONE, MAINTENANCE = Verdict.UP, Verdict.DOWN, Verdict.NONE, Verdict.MAINTENANCE
IN, OUT = HealthState(up=True, successes=1), HealthState(failures=1)


class Server:
    """A server with others beside it, as the director damps it: a verdict a second, and the times at which it moves."""

    def __init__(self, flaps: FlapRules, counts: Rules) -> None:
        self.flaps, self.counts = flaps, counts
        self.state: HealthState = HealthState(up=True)
        self.history = FlapHistory()
        self.now = 0.0
        self.moves: list[float] = []
        self.good: list[bool] = []

    def observe(self, verdict: Verdict) -> None:
        self.now += 1
        before, self.state = self.state, self.state.after(verdict, self.counts)
        step = Transition(before, self.state)
        if self.history.flapping:
            self.history = self.history.observed(verdict, self.now, self.flaps, self.counts)
            if not self.history.flapping:
                self.state = HealthState(up=True, successes=self.counts.rise)
        elif step.rose or step.fell:
            self.history = self.history.changed(self.state, self.now, self.flaps)
            if self.history.flapping:
                self.state = FlappingState(*self.state)._replace(up=False)
        if self.state.up is not before.up:
            self.moves.append(self.now)


def test_so_many_changes_within_the_window_are_flapping() -> None:
    history, rules = FlapHistory(), FlapRules(3, 10)
    for at, state in ((1, OUT), (2, IN), (12, OUT), (13, IN)):
        history = history.changed(state, at, rules)
        assert not history.flapping
    history = history.changed(OUT, 14, rules)
    assert (history.flapping, history.changes, history.good_since) == (True, (12, 13, 14), None)


def test_it_is_over_when_the_server_was_good_for_a_whole_window() -> None:
    rules, counts = FlapRules(1, 10), Rules(fall=2)
    history = FlapHistory().changed(IN, 5, rules)
    for at, verdict in ((9, UP), (10, DOWN), (14.9, UP)):  # one failure of two is none
        history = history.observed(verdict, at, rules, counts)
        assert (history.flapping, history.good_since) == (True, 5)
    assert not history.observed(UP, 15, rules, counts).flapping


def test_a_state_that_flaps_falls_and_never_rises() -> None:
    rules = Rules(fall=2, rise=2)
    state: HealthState = FlappingState(up=True, successes=1)
    states = [state := state.after(verdict, rules) for verdict in (UP, UP, DOWN, DOWN, DOWN, UP, UP, UP)]
    assert [(each.up, each.successes, each.failures) for each in states] == [
        *((True, 2, 0), (True, 3, 0), (True, 0, 1), (False, 0, 2), (False, 0, 2)),
        *((False, 1, 0), (False, 2, 0), (False, 3, 0)),
    ]
    assert all(isinstance(each, FlappingState) for each in states)


@pytest.mark.parametrize(("verdict", "after"), [(NONE, FlappingState(successes=3)), (MAINTENANCE, OUT)])
def test_a_fault_of_this_host_changes_nothing_and_maintenance_ends_it(verdict: Verdict, after: HealthState) -> None:
    assert FlappingState(successes=3).after(verdict, Rules()) == after


def test_F8_a_server_that_changes_with_each_check_moves_as_often_as_the_threshold_allows() -> None:
    server = Server(FlapRules(4, 60), Rules())
    for second in range(3600):
        server.observe(UP if second % 2 else DOWN)
    assert server.moves == [1, 2, 3]
    for _ in range(61):
        server.observe(UP)
    assert server.state == IN


def test_F8_nine_good_and_one_bad_forever() -> None:
    server = Server(FlapRules(4, 60), Rules())
    for second in range(3600):
        server.observe(DOWN if second % 10 == 9 else UP)
    assert server.moves == [10, 11, 20]


verdicts = st.lists(st.tuples(st.sampled_from([UP, DOWN]), st.integers(1, 9)), max_size=60).map(
    lambda runs: [verdict for verdict, length in runs for _ in range(length)]
)


@given(
    verdicts=verdicts,
    flaps=st.builds(FlapRules, st.integers(2, 5), st.integers(2, 30)),
    counts=st.builds(Rules, st.integers(1, 3), st.integers(1, 3)),
)
def test_no_window_has_more_moves_than_the_threshold(verdicts: list[Verdict], flaps: FlapRules, counts: Rules) -> None:
    server = Server(flaps, counts)
    for verdict in verdicts:
        server.observe(verdict)
    for first, last in zip(server.moves, server.moves[flaps.threshold :], strict=False):
        assert last - first >= flaps.window


@given(verdicts=verdicts, counts=st.builds(Rules, st.integers(1, 3), st.integers(1, 3)))
@example([DOWN] * 2 + [UP] * 11 + [DOWN] * 2, Rules(2, 2))
def test_a_server_that_flaps_comes_in_after_a_window_without_a_fall_and_with_enough_successes(
    verdicts: list[Verdict], counts: Rules
) -> None:
    server, window = Server(FlapRules(2, 10), counts), 10
    plain, falls = HealthState(up=True), [0.0]
    held = False
    for verdict in verdicts:
        before, plain = plain, plain.after(verdict, counts)
        server.observe(verdict)
        if Transition(before, plain).fell:
            falls.append(server.now)
        if held and not server.history.flapping:
            assert plain.up
            assert server.now - falls[-1] >= window
        held = server.history.flapping
        assert plain.up or not server.state.up  # damping brings no server in that its checks have taken out


@given(verdicts=verdicts)
def test_a_good_server_comes_back(verdicts: list[Verdict]) -> None:
    server = Server(FlapRules(2, 10), Rules(2, 3))
    for verdict in [*verdicts, *([UP] * 14)]:
        server.observe(verdict)
    assert server.state.up
    assert all(after > before for before, after in pairwise(server.moves))


def test_a_server_that_is_kept_in_counts_on_and_is_up_after_enough_successes() -> None:
    rules = Rules(fall=2, rise=3)
    state: HealthState = KeptState(up=True, failures=2)
    states = [state := state.after(verdict, rules) for verdict in (DOWN, UP, UP, DOWN, UP, UP)]
    assert [(each.up, each.successes, each.failures) for each in states] == [
        *((True, 0, 3), (True, 1, 0), (True, 2, 0), (True, 0, 1), (True, 1, 0), (True, 2, 0)),
    ]
    assert all(isinstance(each, KeptState) for each in states)
    normal = state.after(UP, rules)
    assert (normal, type(normal)) == (HealthState(up=True, successes=3), HealthState)


@pytest.mark.parametrize(("verdict", "after"), [(NONE, KeptState(True, 1)), (MAINTENANCE, HealthState(failures=2))])
def test_maintenance_ends_being_kept_in(verdict: Verdict, after: HealthState) -> None:
    found = KeptState(up=True, successes=1).after(verdict, Rules(fall=2))
    assert (found, type(found)) == (after, type(after))


def test_a_server_that_is_kept_in_is_down_by_its_checks() -> None:
    kept, plain = by_checks(KeptState(True, 1, 2)), HealthState(True, 1, 2)
    assert (kept, type(kept)) == (HealthState(False, 1, 2), HealthState)
    assert by_checks(plain) is plain


@pytest.mark.parametrize(("good", "total", "few"), [(4, 10, True), (5, 10, False), (0, 0, False), (50, 101, True)])
def test_too_few_are_less_than_the_share(good: int, total: int, few: bool) -> None:
    assert too_few(good, total, 50) is few


@pytest.mark.parametrize(("interval", "failures", "seconds"), [(10, 3, 60), (20, 3, 80), (15, 3, 60), (61, 0, 61)])
def test_it_is_calm_after_a_minute_or_one_failure_more_than_takes_a_server_down(
    interval: float, failures: int, seconds: float
) -> None:
    assert calm_time(interval, failures) == seconds


def test_a_change_that_is_as_old_as_the_window_does_not_count() -> None:
    history = FlapHistory((1.0, 2.0, 3.0)).changed(IN, 11.0, FlapRules(9, 10.0))
    assert history == FlapHistory((2.0, 3.0, 11.0), False, IN, 11.0)


def test_a_server_that_flaps_and_is_down_is_good_since_its_next_success() -> None:
    rules, counts = FlapRules(2, 10), Rules(fall=1, rise=2)
    history = FlapHistory((1.0, 2.0), True, OUT, None)
    for at, verdict, since in ((3, UP, None), (4, UP, 4), (5, UP, 4), (6, DOWN, None), (7, UP, None), (8, UP, 8)):
        history = history.observed(verdict, at, rules, counts)
        assert (history.changes, history.flapping, history.good_since) == ((1.0, 2.0), True, since)
    assert history.checked == HealthState(True, 2)
    over = history.observed(UP, 18, rules, counts)
    assert over == FlapHistory(checked=HealthState(True, 2), good_since=8)
