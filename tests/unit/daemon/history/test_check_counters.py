"""How results are counted: by kind, verdict and code, and their durations by virtual."""

from __future__ import annotations

from dataclasses import replace

from builders import KINDS, config, down, unjudged, up, virtual
from ldirectord_py.checks.base import Check, Result
from ldirectord_py.checks.codes import ReasonCode
from ldirectord_py.daemon.history.check_counters import DURATION_BOUNDS
from ldirectord_py.daemon.history.results import ResultHistory
from ldirectord_py.health import Verdict
from ldirectord_py.ipvs.table import FirewallMark, ServiceKey
from ldirectord_py.plan import plan

ONE, TWO = FirewallMark(1), FirewallMark(2)
(WEB,) = plan(config(virtual("10.0.0.1:80", "10.1.0.1:80")), KINDS)
MAIL, SHARED = replace(WEB, kind="imap"), replace(WEB, interval=77.0)


def history(services: dict[Check, list[ServiceKey]], *observed: tuple[Check, Result]) -> ResultHistory:
    """Return the history of results of checks that inform these virtuals."""
    history = ResultHistory()
    history.keep(services)
    for check, keys in services.items():
        history.count(check, keys)
    for check, result in observed:
        history.record(check, result)
    return history


def passed(seconds: float) -> Result:
    return up()._replace(seconds=seconds)


def test_outcomes_are_counted_by_kind() -> None:
    results = [(WEB, up()), (WEB, up("200 OK")), (WEB, down()), (WEB, unjudged()), (MAIL, down())]
    assert list(history({WEB: [ONE], MAIL: [ONE]}, *results).counters.outcomes()) == [
        ("http", Verdict.UP, ReasonCode.L7OK, 2),
        ("http", Verdict.DOWN, ReasonCode.L4CON, 1),
        ("http", Verdict.NONE, ReasonCode.SOCKERR, 1),
        ("imap", Verdict.DOWN, ReasonCode.L4CON, 1),
    ]


def test_results_of_all_kinds_that_passed_are_counted() -> None:
    results = [(WEB, up()), (WEB, up("200 OK")), (WEB, down()), (WEB, unjudged()), (MAIL, up()), (MAIL, down())]
    assert history({WEB: [ONE], MAIL: [ONE]}, *results).counters.passed() == 3


def test_durations_are_those_of_results_that_passed_and_a_bound_belongs_to_its_bucket() -> None:
    results = [(WEB, passed(seconds)) for seconds in (0.0, 0.001, 0.0011, 10.0, 11.0)]
    ((key, counts, seconds),) = history({WEB: [ONE]}, *results, (WEB, down())).counters.durations()
    assert (key, seconds) == (ONE, 21.0021)
    assert len(counts) == len(DURATION_BOUNDS) + 1
    assert (counts[:2], counts[-2:], sum(counts)) == ([2, 1], [1, 1], 5)


def test_checks_of_one_virtual_count_together_and_a_shared_one_counts_in_each() -> None:
    checks: dict[Check, list[ServiceKey]] = {WEB: [ONE], MAIL: [ONE], SHARED: [ONE, TWO]}
    counters = history(checks, (WEB, up()), (MAIL, up()), (SHARED, passed(0.5)), (SHARED, down())).counters
    assert {key: sum(counts) for key, counts, _ in counters.durations()} == {ONE: 3, TWO: 1}
    assert {key: round(seconds, 6) for key, _, seconds in counters.durations()} == {ONE: 0.52, TWO: 0.5}
    assert sum(each.results for each in counters.outcomes()) == 4


def test_a_check_without_a_virtual_is_counted_by_kind_only() -> None:
    counters = history({WEB: []}, (WEB, up())).counters
    assert list(counters.durations()) == []
    assert len(list(counters.outcomes())) == 1


def test_a_virtual_that_is_gone_is_forgotten() -> None:
    counters = history({SHARED: [ONE, TWO]}, (SHARED, up())).counters
    counters.retain([TWO])
    assert [key for key, _, _ in counters.durations()] == [TWO]
