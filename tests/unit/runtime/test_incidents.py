"""How often faults that affect many subjects are reported, on a fake clock."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ldirectord_py.runtime import incidents
from ldirectord_py.runtime.incidents import (
    MAX_KINDS,
    OTHERS,
    QUIET_TIME,
    REPORT_INTERVAL,
    Incident,
    Incidents,
    OngoingFault,
)

FULL = "too many open files"


class Site:
    def __init__(self) -> None:
        self.now = 1000.0
        self.due: list[tuple[float, Callable[[], None]]] = []
        self.reports: list[Incident[str]] = []
        self.incidents = Incidents[str](self.reports.append, lambda: self.now, self._schedule)

    def _schedule(self, seconds: float, call: Callable[[], None]) -> None:
        self.due.append((self.now + seconds, call))

    def wait(self, seconds: float) -> list[tuple[str, int, int, bool]]:
        """Let time pass; return the new reports: kind, count, subjects, whether it is over."""
        until = self.now + seconds
        while self.due and self.due[0][0] <= until:
            self.now, call = self.due.pop(0)
            call()
        self.now = until
        reports = [(each.kind, each.count, len(each.subjects), each.over) for each in self.reports]
        self.reports.clear()
        return reports


def test_many_faults_are_reported_once_then_once_a_minute_and_once_when_over() -> None:
    site = Site()
    reports = []
    for second in range(150):
        for subject in range(20):
            site.incidents.record(f"server {subject}", FULL, FULL)
        reports += [(second, *each) for each in site.wait(1)]
    assert reports == [(0, FULL, 1, 1, False), (59, FULL, 1199, 20, False), (119, FULL, 1200, 20, False)]
    for subject in range(20):
        site.incidents.clear(f"server {subject}")
    assert site.wait(QUIET_TIME + 1) == [(FULL, 600, 20, True)]
    assert site.wait(10 * REPORT_INTERVAL) == []
    assert site.due == []  # nothing is left to look at


def test_what_affects_somebody_still_is_not_over() -> None:
    site = Site()
    site.incidents.record("a", FULL, FULL)
    site.incidents.record("b", FULL, FULL)
    site.incidents.clear("a")
    assert site.wait(2 * REPORT_INTERVAL) == [(FULL, 1, 1, False), (FULL, 1, 1, False)]
    site.incidents.retain(())
    assert site.wait(QUIET_TIME) == [(FULL, 0, 0, True)]


def test_one_that_meets_another_fault_is_affected_by_that_alone() -> None:
    site = Site()
    site.incidents.record("a", FULL, FULL)
    site.incidents.record("a", "no memory", "no memory")
    assert site.wait(QUIET_TIME + 1) == [(FULL, 1, 1, False), ("no memory", 1, 1, False), (FULL, 0, 0, True)]


def test_kinds_are_bounded() -> None:
    site = Site()
    for number in range(3 * MAX_KINDS):
        site.incidents.record(str(number), f"fault {number}", "")
    reports = site.wait(0)
    assert len(reports) == MAX_KINDS + 1
    assert reports[-1][0] == OTHERS


def test_what_comes_and_goes_is_said_no_more_than_twice_in_a_minute() -> None:
    site = Site()
    reports = []
    for _ in range(100):
        site.incidents.record("a", FULL, FULL)
        site.incidents.clear("a")
        reports += site.wait(QUIET_TIME + 2)
    assert len(reports) <= 2 * (100 * (QUIET_TIME + 2) / REPORT_INTERVAL + 1)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["", FULL, "no memory"]), st.floats(0, 90))))
def test_each_fault_is_counted_once_and_each_kind_ends(steps: list[tuple[str, str, float]]) -> None:
    site = Site()
    reports, met = [], 0
    for subject, kind, seconds in steps:
        if kind:
            met += 1
            site.incidents.record(subject, kind, kind)
        else:
            site.incidents.clear(subject)
        reports += site.wait(seconds)
    site.incidents.retain(())
    reports += site.wait(3 * REPORT_INTERVAL)
    assert sum(count for _, count, _, _ in reports) == met
    for kind in {kind for kind, *_ in reports}:
        assert [over for other, _, _, over in reports if other == kind][-1]


async def test_reviews_are_scheduled_while_a_kind_is_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(incidents, "QUIET_TIME", 0.0)
    monkeypatch.setattr(incidents, "REVIEW_INTERVAL", 0.001)
    reports: list[Incident[str]] = []
    own = Incidents(reports.append)
    own.record("a", FULL, FULL)
    own.clear("a")
    async with asyncio.timeout(20):
        while len(reports) < 2:
            await asyncio.sleep(0.001)
    assert [each.over for each in reports] == [False, True]


def test_an_ongoing_fault_is_reported_once_for_each_reason_and_when_it_is_over() -> None:
    fault = OngoingFault()
    assert [fault.record(reason, 2) for reason in ("full", "full", "gone")] == [True, False, True]
    assert fault.losses == 6
    assert [fault.clear(), fault.clear()] == [True, False]
    assert (fault.losses, fault.record("full")) == (0, True)
