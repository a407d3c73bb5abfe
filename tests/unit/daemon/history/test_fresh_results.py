"""Results that came since the last look, those that are overdue, and the oldest."""

from __future__ import annotations

import time
import timeit
from dataclasses import replace

import pytest

from builders import KINDS, config, down, up, virtual
from ldirectord_py.checks.base import Check
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
        self.fresh = FreshResults(self.history)
        self.words = [self.fresh.add(check, LIMIT) for check in checks]

    def looks(self) -> list[int]:
        return [position for position, _, _, _ in self.fresh.new_results(0, len(self.fresh))]


@pytest.fixture
def past() -> Past:
    return Past(*CHECKS)


def test_each_result_is_seen_once(past: Past) -> None:
    assert past.looks() == []
    past.history.record(CHECKS[1], up()._replace(seconds=0.25))
    ((position, at, seconds, words),) = past.fresh.new_results(0, 3)
    assert (position, seconds, words) == (1, 0.25, past.fresh.words(1))
    assert at == pytest.approx(1000, abs=0.2)
    assert past.looks() == []
    for check in (CHECKS[2], CHECKS[0], CHECKS[0]):
        past.history.record(check, down())
    assert past.looks() == [0, 2]


def test_only_the_checks_of_a_part_are_looked_at(past: Past) -> None:
    for check in CHECKS:
        past.history.record(check, up())
    assert [position for position, _, _, _ in past.fresh.new_results(1, 2)] == [1]
    assert past.looks() == [0, 2]


def test_a_result_from_before_is_not_new() -> None:
    past = Past(CHECK)
    past.history.record(CHECK, up())
    later = FreshResults(past.history)
    assert later.add(CHECK, LIMIT) == later.words(0) != past.words[0]
    assert list(later.new_results(0, 1)) == []


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


def test_without_checks_nothing_is_late() -> None:
    past = Past()
    assert (past.looks(), past.fresh.oldest(), past.fresh.late(1.0)) == ([], None, frozenset())


@pytest.mark.slow
def test_a_look_without_results_takes_less_than_half_a_microsecond_for_each_check() -> None:
    past = Past(*(replace(CHECK, interval=10.0 + number) for number in range(5000)))
    seconds = min(timeit.repeat(past.looks, timer=time.thread_time, number=10, repeat=5)) / 10 / 5000
    print(f"{seconds * 1e9:.0f} ns")
    assert seconds < 5e-7
