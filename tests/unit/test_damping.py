"""When a server flaps, and when that is over: nothing here has a clock of its own."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ldirectord_py.damping import FlapHistory, FlappingState, FlapRules
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


def test_f8_a_server_that_changes_with_each_check_moves_as_often_as_the_threshold_allows() -> None:
    server = Server(FlapRules(4, 60), Rules())
    for second in range(3600):
        server.observe(UP if second % 2 else DOWN)
    assert server.moves == [1, 2, 3]
    for _ in range(61):
        server.observe(UP)
    assert server.state == IN


def test_f8_nine_good_and_one_bad_forever() -> None:
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
