"""The last transitions of each server."""

from __future__ import annotations

from builders import config, real, virtual
from ldirectord_py.checks.codes import ReasonCode
from ldirectord_py.daemon.history.transitions import KEPT_TRANSITIONS, TransitionHistory
from ldirectord_py.desired import real_key
from ldirectord_py.health import HealthState, Transition
from ldirectord_py.report.events import Checked, ConfigInForce, KernelFound, Phase

UP, DOWN, SOFT, NEW = HealthState(up=True), HealthState(failures=1), HealthState(up=True, failures=1), HealthState()
WEB = virtual("10.0.0.1:80", "10.1.0.1:80", "10.1.0.2:80")
ONE, TWO = (real_key(WEB, each) for each in WEB.reals)


def checked(before: HealthState, after: HealthState, words: str = "connect refused") -> Checked:
    return Checked(ONE, WEB, WEB.reals[0], Transition(before, after), words, Phase.RUN, ReasonCode.L4CON)


def history_of(*events: Checked) -> TransitionHistory:
    ticks = iter(range(100))
    history = TransitionHistory(lambda: float(next(ticks)))
    for event in events:
        history(event)
    return history


def test_a_transition_is_kept_with_its_time_and_reason() -> None:
    history = history_of(checked(UP, DOWN), checked(DOWN, UP, "200 OK"))
    assert history.transitions(ONE) == [
        (1.0, True, ReasonCode.L4CON, "200 OK", 2),
        (0.0, False, ReasonCode.L4CON, "connect refused", 1),
    ]
    assert (history.since(ONE), history.since(TWO), history.transitions(TWO)) == (1.0, None, [])


def test_the_first_failure_of_a_new_server_is_one_and_counted_failures_are_not() -> None:
    history = history_of(checked(NEW, DOWN), checked(UP, SOFT), checked(SOFT, UP), checked(NEW, UP))
    assert [each.up for each in history.transitions(ONE)] == [True, False]


def test_a_server_that_comes_up_or_goes_down_is_counted_and_a_first_failure_is_not() -> None:
    history = history_of(checked(NEW, DOWN), checked(DOWN, UP), checked(UP, SOFT), checked(UP, DOWN))
    assert (history.count(ONE), history.count(TWO)) == (2, 0)


def test_the_last_transitions_are_kept() -> None:
    history = history_of(*[checked(UP, DOWN, str(number)) for number in range(KEPT_TRANSITIONS + 3)])
    assert [each.words for each in history.transitions(ONE)] == [str(n) for n in range(KEPT_TRANSITIONS + 2, 2, -1)]


def test_a_server_keeps_them_over_a_reload_and_one_that_is_removed_does_not() -> None:
    history = history_of(checked(UP, DOWN))
    history(KernelFound())
    history(ConfigInForce(config(virtual("10.0.0.1:80", real("10.1.0.1:80", weight=7)))))
    assert (len(history.transitions(ONE)), history.count(ONE)) == (1, 1)
    history(ConfigInForce(config(virtual("10.0.0.1:80", "10.1.0.2:80"))))
    assert (history.transitions(ONE), history.count(ONE)) == ([], 0)
