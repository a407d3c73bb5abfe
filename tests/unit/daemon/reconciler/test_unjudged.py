"""Faults of this host are reported by their kind, with the checks and the servers that they concern."""

from __future__ import annotations

import asyncio

import pytest

from builders import KINDS, config, virtual
from ldirectord_py.checks.base import Check
from ldirectord_py.daemon.reconciler.compiled_config import compile_config
from ldirectord_py.daemon.reconciler.unjudged import UnjudgedChecks, kind_of
from ldirectord_py.report.events import Unjudged
from ldirectord_py.runtime import incidents


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        ("too many open files", "too many open files"),
        ("cannot run /usr/bin/check: permission denied: 13", "cannot run /usr/bin/check"),
        ("this host was 1.9 s late to look for the answer", "this host was N s late to look for the answer"),
        ("12 of 340 files:open", "N of N files:open"),
    ],
)
def test_reasons_that_differ_in_numbers_and_details_are_of_one_kind(reason: str, kind: str) -> None:
    assert kind_of(reason) == kind


def checks() -> list[Check]:
    """Return three checks, the last two of which are of one server."""
    first = virtual("10.0.0.1:80", "10.1.0.1:80", "10.1.0.2:80")
    return list(compile_config(config(first, virtual("10.0.0.2:80", "10.1.0.2:80", service="imap")), KINDS).plan)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(incidents, "QUIET_TIME", 0.0)
    monkeypatch.setattr(incidents, "REVIEW_INTERVAL", 0.001)


async def end(events: list[Unjudged]) -> Unjudged:
    """Wait for the event that a fault is over."""
    async with asyncio.timeout(20):
        while not events[-1].over:
            await asyncio.sleep(0.001)
    return events[-1]


@pytest.mark.usefixtures("quick")
async def test_a_fault_is_reported_when_it_begins_and_when_no_check_has_it_any_more() -> None:
    events: list[Unjudged] = []
    unjudged, (first, second, third) = UnjudgedChecks(events.append), checks()
    unjudged.add(first, "late by 1.5 s")
    assert events == [Unjudged(first, "late by 1.5 s", 1, 1)]
    for check, reason in ((second, "late by 2 s"), (third, "late by 3 s"), (third, "late by 4 s")):
        unjudged.add(check, reason)
    unjudged.remove(first)
    unjudged.remove(third)
    await asyncio.sleep(0.02)
    assert len(events) == 1
    unjudged.remove(second)
    assert await end(events) == Unjudged(third, "late by 4 s", 3, 1, over=True)


@pytest.mark.usefixtures("quick")
async def test_a_check_that_is_not_in_force_any_more_has_no_fault() -> None:
    events: list[Unjudged] = []
    unjudged, (first, second, third) = UnjudgedChecks(events.append), checks()
    for check in (first, second, third):
        unjudged.add(check, "late")
    unjudged.keep({first})
    await asyncio.sleep(0.02)
    assert len(events) == 1
    unjudged.keep(())
    assert await end(events) == Unjudged(third, "late", 2, 1, over=True)
