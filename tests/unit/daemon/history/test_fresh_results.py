"""Results that came since the last look, those that are overdue, and the oldest."""

from __future__ import annotations

from dataclasses import replace

import pytest

from builders import KINDS, config, down, up, virtual
from ldirectord_py.checks.base import Check
from ldirectord_py.daemon.history import results
from ldirectord_py.daemon.history.fresh_results import FreshResults
from ldirectord_py.daemon.history.results import ResultHistory
from ldirectord_py.plan import plan

SECOND = 1_000_000_000
LIMIT = 20.0
(CHECK,) = plan(config(virtual("10.0.0.1:80", "10.1.0.1:80")), KINDS)
CHECKS = [replace(CHECK, interval=10.0 + number) for number in range(3)]


class Past:
    """A history on a clock that a test sets, and the fresh results of all its checks."""

    def __init__(self, *checks: Check) -> None:
        self.now = 1000.0
        self.history = ResultHistory(lambda: int(self.now * SECOND))
        self.history.keep(checks)
        self.fresh = FreshResults(self.history, len(checks))
        self.words = [self.fresh.add(check, [number], LIMIT) for number, check in enumerate(checks)]

    def looks(self) -> list[int]:
        return [result[0] for result in self.fresh.new_results(self.fresh.new_count)]


@pytest.fixture
def past() -> Past:
    return Past(*CHECKS)


def test_each_result_is_seen_once(past: Past) -> None:
    assert past.looks() == []
    past.history.record(CHECKS[1], up()._replace(seconds=0.25))
    assert list(past.fresh.new_results(3)) == [(1, 1000 * SECOND, 0.25, *past.fresh.words(1))]
    assert past.looks() == []
    for check in (CHECKS[2], CHECKS[0], CHECKS[0]):
        past.history.record(check, down())
    assert past.looks() == [2, 0, 0]


def test_no_more_than_a_limit_are_looked_at(past: Past) -> None:
    for number in (0, 1, 0, 2):
        past.history.record(CHECKS[number], up())
    assert past.fresh.new_count == 4
    assert [result[0] for result in past.fresh.new_results(3)] == [0, 1, 0]
    assert past.looks() == [2]


def test_results_of_checks_that_were_not_added_are_passed_over(past: Past) -> None:
    fresh = FreshResults(past.history, 1)
    fresh.add(CHECKS[1], [0], LIMIT)
    for check in CHECKS:
        past.history.record(check, up())
    assert [result[0] for result in fresh.new_results(3)] == [0]
    assert fresh.new_count == 0


def test_nothing_is_kept_for_whoever_does_not_follow(past: Past) -> None:
    past.history.end_following()
    past.history.record(CHECKS[0], up())
    assert past.fresh.new_count == 0


def test_whoever_does_not_look_has_to_begin_anew(past: Past, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(results, "MAX_FOLLOWED", 3)
    for number in range(5):
        assert past.fresh.is_complete == (number < 3)
        past.history.record(CHECKS[0], up())
    assert past.fresh.new_count == 3
    assert FreshResults(past.history, 0).is_complete


def test_a_result_from_before_is_not_new() -> None:
    past = Past(CHECK)
    past.history.record(CHECK, up())
    later = FreshResults(past.history, 1)
    assert later.add(CHECK, [0], LIMIT) == later.words(0) != past.words[0]
    assert list(later.new_results(1)) == []


def test_checks_are_late_and_the_oldest_is_known(past: Past) -> None:
    assert (past.fresh.oldest(), past.fresh.late(1000.0)) == (None, frozenset())
    past.now = 1010.0
    past.history.record(CHECKS[0], up())
    past.looks()
    assert past.fresh.oldest() == pytest.approx(1010, abs=0.2)
    assert past.fresh.late(1025.0) == {1, 2}  # they were added at 1000
    past.now = 1015.0
    for check in CHECKS[1:]:
        past.history.record(check, up())
    past.looks()
    assert past.fresh.late(1025.0) == frozenset()
    assert past.fresh.late(1031.0) == {0}
    assert past.fresh.oldest() == pytest.approx(1010, abs=0.2)


def test_a_result_is_that_of_all_servers_that_its_check_informs() -> None:
    past = Past()
    past.history.keep([CHECK])
    fresh = FreshResults(past.history, 4)  # one of which has no check
    fresh.add(CHECK, [0, 2, 3], LIMIT)
    assert (fresh.oldest(), fresh.late(1030.0)) == (None, frozenset((0, 2, 3)))
    past.history.record(CHECK, up())
    assert [result[0] for result in fresh.new_results(1)] == [0, 2, 3]
    assert fresh.words(0) == fresh.words(3) != fresh.words(1)
    assert (fresh.oldest(), fresh.late(1010.0)) == (1000.0, frozenset())


def test_without_checks_nothing_is_late() -> None:
    past = Past()
    assert (past.looks(), past.fresh.oldest(), past.fresh.late(1.0)) == ([], None, frozenset())
