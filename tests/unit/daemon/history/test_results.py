"""The last results of each check: which are kept, and what they take."""

from __future__ import annotations

import struct
import timeit
import tracemalloc
from dataclasses import replace

import pytest

from builders import KINDS, config, down, unjudged, up, virtual
from ldirectord_py.checks.base import Check, Result
from ldirectord_py.checks.codes import ReasonCode
from ldirectord_py.daemon.history.results import KEPT_RESULTS, ResultHistory
from ldirectord_py.health import Verdict
from ldirectord_py.plan import plan

SECOND = 1_000_000_000
(CHECK,) = plan(config(virtual("10.0.0.1:80", "10.1.0.1:80")), KINDS)


class Clock:
    """A clock that a test sets, in seconds."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> int:
        return int(self.now * SECOND)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def history(clock: Clock) -> ResultHistory:
    history = ResultHistory(clock)
    history.keep([CHECK])
    return history


def checks(count: int) -> list[Check]:
    return [replace(CHECK, interval=10.0 + number) for number in range(count)]


def words(history: ResultHistory, check: Check = CHECK) -> list[str]:
    return [result.reason.words for result in history.results(check)]


def test_the_end_of_a_certificate_stays_until_another_one_is_seen(history: ResultHistory) -> None:
    assert history.certificate_end(CHECK) is None
    for result, expected in ((up()._replace(certificate_end=5.0), 5.0), (down(), 5.0), (unjudged(), 5.0)):
        history.record(CHECK, result)
        assert history.certificate_end(CHECK) == expected
    history.record(CHECK, down()._replace(certificate_end=7.0))
    assert history.certificate_end(CHECK) == 7.0
    history.keep([])
    assert history.certificate_end(CHECK) is None


def test_a_check_without_a_result_has_the_time_at_which_it_was_added(history: ResultHistory, clock: Clock) -> None:
    assert words(history) == []
    assert history.added(CHECK) == pytest.approx(1000, abs=0.2)
    clock.now = 1010.0
    history.record(CHECK, up())
    assert history.added(CHECK) is None


def test_a_result_is_kept_with_its_time_duration_and_reason(history: ResultHistory, clock: Clock) -> None:
    clock.now = 1234.5
    history.record(CHECK, Result(Verdict.DOWN, "connect refused", 0.0123, ReasonCode.L4CON))
    (result,) = history.results(CHECK)
    assert result.at == pytest.approx(1234.5, abs=0.2)
    assert result.seconds == pytest.approx(0.0123, rel=0.001)
    assert result.reason == (Verdict.DOWN, ReasonCode.L4CON, "connect refused")


def test_the_last_results_are_kept_the_latest_first(history: ResultHistory) -> None:
    for number in range(KEPT_RESULTS + 5):
        history.record(CHECK, down(f"failure {number}"))
        assert words(history)[0] == f"failure {number}"
    assert words(history) == [f"failure {number}" for number in range(KEPT_RESULTS + 4, 4, -1)]


def test_only_results_that_judged_are_verdicts(history: ResultHistory) -> None:
    assert (history.record(CHECK, down()), history.record(CHECK, unjudged())) == (True, False)
    assert history.verdicts() == {CHECK: down()._replace(seconds=0.0)}
    assert words(history) == ["too many open files", "connect refused"]


def test_the_same_words_with_another_verdict_or_code_are_another_reason(history: ResultHistory) -> None:
    results = [
        Result(Verdict.DOWN, "timeout", 1, ReasonCode.L4TOUT),
        Result(Verdict.NONE, "timeout", 1, ReasonCode.L4TOUT),
        Result(Verdict.DOWN, "timeout", 1, ReasonCode.L7TOUT),
    ]
    for result in results * 2:
        history.record(CHECK, result)
    expected = [(result.verdict, result.code, result.reason) for result in reversed(results * 2)]
    assert [result.reason for result in history.results(CHECK)] == expected


def test_a_check_that_is_kept_keeps_its_results_and_another_gets_the_room_of_one_that_is_not() -> None:
    history = ResultHistory()
    first, second, third = checks(3)
    history.keep([first, second])
    for check in (first, second):
        history.record(check, down(str(check.interval)))
    history.keep([second, third])
    assert (words(history, second), words(history, third)) == (["11.0"], [])
    history.record(third, up("new"))
    assert (words(history, second), words(history, third)) == (["11.0"], ["new"])
    assert len(history.verdicts()) == 2


@pytest.mark.parametrize(("seconds", "kept"), [(0.0, 0.0), (65504.0, 65504.0), (1e9, 65504.0)])
def test_any_duration_is_kept_as_far_as_it_can_be(history: ResultHistory, seconds: float, kept: float) -> None:
    history.record(CHECK, Result(Verdict.UP, "ok", seconds))
    assert [result.seconds for result in history.results(CHECK)] == [kept]


def test_a_check_takes_at_most_260_bytes() -> None:
    """More than without: the last verdict of each check was kept before, in a table of this size."""
    kept, results = checks(5000), [up("200 OK") for _ in range(3)]
    table: dict[Check, Result] = {}
    tracemalloc.start()
    try:
        table.update((check, results[0]) for check in kept)
        before = tracemalloc.get_traced_memory()[0]
        history = ResultHistory()
        history.keep(kept)
        for result in results:
            for check in kept:
                history.record(check, result)
        used = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert (used - before) / len(kept) < 260


def test_recording_costs_less_than_a_probe_can_notice(history: ResultHistory) -> None:
    result = up("200 OK")
    seconds = min(timeit.repeat(lambda: history.record(CHECK, result), number=200, repeat=20)) / 200
    assert seconds < 20e-6  # 0.4 us on an idle host


def test_eight_bytes_are_a_result() -> None:
    assert struct.calcsize("=IeH") == 8
