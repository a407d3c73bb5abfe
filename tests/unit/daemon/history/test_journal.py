"""What the journal keeps, and what a reader that goes on learns of what it missed."""

from __future__ import annotations

import json

import pytest

from builders import config, service_key, up, verdict_on, virtual
from ldirectord_py.administration import AdministrativeState, Decision, entry_of
from ldirectord_py.daemon.history import journal as module
from ldirectord_py.daemon.history.journal import MAX_TEXT, Gap, Journal
from ldirectord_py.health import HealthState, Transition
from ldirectord_py.ipvs.diff import Op, Verb
from ldirectord_py.ipvs.kernel import Refused
from ldirectord_py.ipvs.table import Service
from ldirectord_py.report.events import (
    Administered,
    Checked,
    ConfigInForce,
    Drifted,
    Event,
    KernelFound,
    KernelLost,
    NotWritten,
    Outage,
    Phase,
    Probed,
    ReloadRefused,
    Role,
    Written,
)

UP, DOWN = HealthState(up=True), HealthState(failures=1)
WEB = virtual("10.0.0.1:80", "10.1.0.1:80", failurecount=2)
SERVICE = Service(service_key("10.0.0.1:80"), "wrr")


def checked(before: HealthState, after: HealthState) -> Checked:
    return verdict_on(WEB, WEB.reals[0], Transition(before, after), "connect refused")


def drained_by(who: str, why: str) -> Administered:
    entry = entry_of(WEB, WEB.reals[0], AdministrativeState.DRAIN, Decision(who, 1796000000.0, why))
    return Administered(WEB, WEB.reals[0], None, entry)


def names(journal: Journal, since: int = 0) -> list[str]:
    return [json.loads(entry.json)["event"] for entry in journal.since(since)]


def numbered(count: int) -> Journal:
    journal = Journal(lambda: float(journal.last + 1), epoch="e")
    for number in range(1, count + 1):
        journal(ReloadRefused((f"event {number}",)))
    return journal


def test_an_entry_says_who_when_why_and_on_what_evidence() -> None:
    journal = Journal(lambda: 1796000000.25)
    journal(checked(UP, DOWN))
    journal(drained_by("root", "new kernel"))
    down, drained = (json.loads(entry.json) for entry in journal.since(0))
    assert (down["seq"], down["event"], down["time"], down["who"]) == (
        1,
        "server-down",
        "2026-11-30T00:53:20.250Z",
        "ldirectord",
    )
    assert (down["virtual"], down["real"], down["reason"]) == ("tcp:10.0.0.1:80", "10.1.0.1:80", "connect refused")
    assert down["message"] == "Real server 10.1.0.1:80 (tcp:10.0.0.1:80) is down: connect refused"
    assert drained == {
        "seq": 2,
        "event": "server-drained",
        "time": "2026-11-30T00:53:20.250Z",
        "message": "Real server 10.1.0.1:80 (tcp:10.0.0.1:80) is drained by root: new kernel",
        "virtual": "tcp:10.0.0.1:80",
        "real": "10.1.0.1:80",
        "name": None,
        "servicename": None,
        "state": "drain",
        "state_before": "ready",
        "why": "new kernel",
        "until": None,
        "who": "root",
    }


@pytest.mark.parametrize(
    ("event", "name"),
    [
        (checked(UP, DOWN), "server-down"),
        (checked(DOWN, UP), "server-up"),
        (checked(HealthState(), DOWN), "server-down"),
        (checked(UP, HealthState(up=True, failures=1)), None),
        (checked(HealthState(up=True, failures=1), UP), None),
        (Probed(WEB, WEB.reals[0], up()), None),
        (Outage(WEB, began=True), "outage-began"),
        (Outage(WEB, began=False), "outage-over"),
        (Written(Op(Verb.ADD, SERVICE), None, Role.REAL, Phase.RUN), None),
        (NotWritten(Refused(Op(Verb.ADD, SERVICE), 2, "no such scheduler")), "row-refused"),
        (Drifted(SERVICE, None, repaired=True), "drift-repaired"),
        (KernelLost("no IPVS"), "kernel-lost"),
        (KernelFound(), "kernel-found"),
        (ConfigInForce(config(WEB)), "configuration-in-force"),
    ],
)
def test_state_changes_are_entries_and_results_are_not(event: Event, name: str | None) -> None:
    journal = Journal()
    journal(event)
    assert names(journal) == ([] if name is None else [name])


def test_a_reader_goes_on_after_the_last_number() -> None:
    journal = numbered(5)
    assert [entry.seq for entry in journal.since(3)] == [4, 5]
    assert [entry.seq for entry in journal.since(0, limit=2)] == [1, 2]
    assert (journal.since(5), journal.gap(5, "e"), journal.gap(0)) == ([], None, None)
    assert journal.since(9) == []


def test_a_reader_of_what_is_no_longer_kept_learns_how_much_it_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_ENTRIES", 10)
    journal = numbered(25)
    assert (journal.first, journal.last) == (16, 25)
    assert [entry.seq for entry in journal.since(3)] == list(range(16, 26))
    assert journal.gap(3) == Gap("only the last 10 events are kept", 12)
    assert (journal.gap(14), journal.gap(15)) == (Gap("only the last 10 events are kept", 1), None)


def test_a_reader_of_a_former_daemon_learns_that() -> None:
    journal = numbered(5)
    for gap in (journal.gap(3, "other"), journal.gap(6), journal.gap(6, "e")):
        assert gap is not None
        assert "another daemon" in gap.reason
        assert gap.missed is None


def test_the_entries_since_a_time() -> None:
    journal = numbered(5)  # at 1, 2, 3, 4 and 5 seconds
    assert [journal.since_time(at) for at in (0, 1, 2.5, 5, 6)] == [0, 0, 2, 4, 5]
    assert Journal().since_time(5) == 0


def test_a_follower_is_called_until_it_has_enough() -> None:
    journal = Journal()
    seen: list[int] = []

    def follower() -> None:
        seen.append(journal.last)
        if journal.last == 2:
            journal.unfollow(follower)

    journal.follow(follower)
    for _ in range(3):
        journal(KernelFound())
    assert seen == [1, 2]
    journal.unfollow(follower)


def test_texts_of_others_are_limited() -> None:
    journal = Journal()
    journal(drained_by("y" * 10_000, "x" * 10_000))
    journal(ReloadRefused(("r" * 10_000, *["z"] * 1000)))
    drained, refused = journal.since(0)
    assert len(drained.text) < 4 * MAX_TEXT
    assert len(refused.text) < 4 * MAX_TEXT
    assert len(json.loads(refused.json)["reasons"]) == 10


def test_each_daemon_has_its_own_epoch() -> None:
    assert Journal().epoch != Journal().epoch
