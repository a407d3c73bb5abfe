"""Reasons by number: the words are kept while a result has them, and as far as there is room."""

from __future__ import annotations

from itertools import islice

import pytest

from builders import KINDS, config, down, virtual
from ldirectord_py.checks.base import Result
from ldirectord_py.checks.codes import ReasonCode
from ldirectord_py.daemon.history import reason_table
from ldirectord_py.daemon.history.check_counters import OUTCOMES
from ldirectord_py.daemon.history.reason_table import NOTHING, ReasonTable
from ldirectord_py.daemon.history.results import KEPT_RESULTS, ResultHistory
from ldirectord_py.health import Verdict
from ldirectord_py.plan import plan

(CHECK,) = plan(config(virtual("10.0.0.1:80", "10.1.0.1:80")), KINDS)


def result(words: str, code: ReasonCode = ReasonCode.L7STS) -> Result:
    return Result(Verdict.DOWN, words, 0.1, code)


def words(history: ResultHistory) -> list[str]:
    return [each.reason.words for each in history.results(CHECK)]


def test_each_reason_has_a_number_of_its_own() -> None:
    table = ReasonTable(lambda: ())
    results = [result("a"), result("b"), result("a", ReasonCode.L4CON), result("a")]
    numbers = [table.add(each)[0] for each in results]
    assert numbers == [1, 2, 3, 1]
    assert [table.reason(number) for number in numbers] == [(each.verdict, each.code, each.reason) for each in results]
    assert table.reason(NOTHING) is None
    outcome = OUTCOMES[Verdict.DOWN, ReasonCode.L7STS]
    without_duration = Result(Verdict.DOWN, "a", 0.0, ReasonCode.L7STS)
    assert table.latest["a"] == (1, Verdict.DOWN, ReasonCode.L7STS, outcome, without_duration)


def test_reasons_that_no_result_has_any_more_give_way_to_new_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reason_table, "MAX_REASONS", 2 * KEPT_RESULTS)
    history = ResultHistory()
    history.keep([CHECK])
    for number in range(50 * KEPT_RESULTS):
        history.record(CHECK, down(f"failure {number}"))
        recent = islice(history.results(CHECK), 5)
        assert all(result.reason.words in {"", f"failure {number - back}"} for back, result in enumerate(recent))
    kept = [text for text in words(history) if text]
    assert len(kept) > KEPT_RESULTS / 4
    assert len(history._reasons._reasons) <= 2 * KEPT_RESULTS + 2


def test_where_all_reasons_are_in_use_a_result_keeps_its_verdict_and_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reason_table, "MAX_REASONS", 8)
    history = ResultHistory()
    history.keep([CHECK])
    for number in range(30):
        history.record(CHECK, Result(Verdict.DOWN, f"failure {number}", 0.1, ReasonCode.L7STS))
    results = list(history.results(CHECK))
    assert {result.reason[:2] for result in results} == {(Verdict.DOWN, ReasonCode.L7STS)}
    assert len(results) == KEPT_RESULTS
