"""How results are counted: by kind, verdict and code, and their durations by virtual."""

from __future__ import annotations

from ldirectord_py.checks.codes import ReasonCode
from ldirectord_py.daemon.history.check_counters import DURATION_BOUNDS, OUTCOMES, CheckCounters
from ldirectord_py.health import Verdict
from ldirectord_py.ipvs.table import FirewallMark

ONE, TWO = FirewallMark(1), FirewallMark(2)
PASSED, FAILED = OUTCOMES[Verdict.UP, ReasonCode.L7OK], OUTCOMES[Verdict.DOWN, ReasonCode.L4CON]
UNJUDGED = OUTCOMES[Verdict.NONE, ReasonCode.SOCKERR]


def test_outcomes_are_counted_by_kind() -> None:
    counters = CheckCounters()
    web, mail = counters.counter("http", [ONE]), counters.counter("imap", [ONE])
    for outcome in (PASSED, PASSED, FAILED, UNJUDGED):
        web.add(outcome, 0.1)
    mail.add(FAILED, 0.1)
    assert list(counters.outcomes()) == [
        ("http", Verdict.UP, ReasonCode.L7OK, 2),
        ("http", Verdict.DOWN, ReasonCode.L4CON, 1),
        ("http", Verdict.NONE, ReasonCode.SOCKERR, 1),
        ("imap", Verdict.DOWN, ReasonCode.L4CON, 1),
    ]


def test_durations_are_those_of_results_that_passed_and_a_bound_belongs_to_its_bucket() -> None:
    counters = CheckCounters()
    counter = counters.counter("http", [ONE])
    for seconds in (0.0, 0.001, 0.0011, 10.0, 11.0):
        counter.add(PASSED, seconds)
    counter.add(FAILED, 5.0)
    ((key, counts, seconds),) = counters.durations()
    assert (key, seconds) == (ONE, 21.0021)
    assert len(counts) == len(DURATION_BOUNDS) + 1
    assert (counts[:2], counts[-2:], sum(counts)) == ([2, 1], [1, 1], 5)


def test_checks_of_one_virtual_count_together_and_a_shared_one_counts_in_each() -> None:
    counters = CheckCounters()
    counters.counter("http", [ONE]).add(PASSED, 0.1)
    counters.counter("imap", [ONE]).add(PASSED, 0.1)
    shared = counters.counter("http", [ONE, TWO])
    shared.add(PASSED, 0.1)
    shared.add(FAILED, 0.1)
    assert {key: sum(counts) for key, counts, _ in counters.durations()} == {ONE: 3, TWO: 1}
    assert sum(each.results for each in counters.outcomes()) == 4


def test_a_check_without_a_virtual_is_counted_by_kind_only() -> None:
    counters = CheckCounters()
    counters.counter("http", ()).add(PASSED, 0.1)
    assert list(counters.durations()) == []
    assert len(list(counters.outcomes())) == 1


def test_a_virtual_that_is_gone_is_forgotten() -> None:
    counters = CheckCounters()
    counters.counter("http", [ONE, TWO]).add(PASSED, 0.1)
    counters.retain([TWO])
    assert [key for key, _, _ in counters.durations()] == [TWO]
