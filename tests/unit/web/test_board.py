"""What clients see: rows change only if their texts do, numbers are sent once, and each change has a number."""

from __future__ import annotations

from typing import Any

from harness.shown_servers import real, virtual
from ldirectord_py.web.board import FLAPPING_COUNT, MAX_CHANGES, MAX_POINTS, Board, milliseconds

KEY = "tcp:192.0.2.1:80/10.0.0.1:80"


def board(*reals: dict[str, Any]) -> Board:
    made = Board()
    made.apply_answer([virtual(*(reals or (real(),)))], 0.0)
    return made


def event(name: str, seconds: int = 0) -> dict[str, Any]:
    what = {"event": name, "up": name == "server-up", "code": "L4CON", "reason": "connect refused", "failures": 1}
    where = {"virtual": "tcp:192.0.2.1:80", "real": "10.0.0.1:80"}
    return {**what, **where, "successes": 0, "time": f"2026-11-28T08:00:{seconds:02}.000Z"}


def test_an_equal_answer_changes_nothing() -> None:
    shown = board()
    assert not shown.apply_answer([virtual(real())], 1.0)
    assert shown.revision == 1
    assert shown.changes(1) == (1, {}, {})


def test_times_that_the_daemon_computed_anew_are_no_change() -> None:
    shown = board(real(since="2026-11-28T07:00:00.000Z"))
    again = real(since="2026-11-28T07:00:00.001Z", at="2026-11-28T07:59:59.999Z")
    assert not shown.apply_answer([virtual(again)], 1.0)


def test_a_new_result_is_a_point_and_its_row_stays() -> None:
    shown = board()
    later = "2026-11-28T08:00:10.000Z"
    assert shown.apply_answer([virtual(real(at=later, latency=0.5))], 1.0)
    changes = shown.changes(1)
    assert changes == (2, {}, {1: [(500.0, 5, 7)]})
    assert list(shown.items[KEY].latencies) == [12.3, 500.0]


def test_connections_change_without_a_point() -> None:
    shown = board()
    changed = {**real(), "kernel": {"weight": 1, "active": 6, "inactive": 7}}
    shown.apply_answer([virtual(changed)], 1.0)
    assert shown.changes(1) == (2, {}, {1: [(None, 6, 7)]})
    assert list(shown.items[KEY].latencies) == [12.3]


def test_only_the_last_latencies_are_kept() -> None:
    shown = board()
    for minute in range(70):
        shown.apply_answer([virtual(real(at=f"2026-11-28T09:{minute % 60:02}:00.000Z", latency=minute / 1000))], 1.0)
    assert len(shown.items[KEY].latencies) == MAX_POINTS
    assert shown.items[KEY].latencies[-1] == 69


def test_a_transition_is_shown_before_the_next_answer() -> None:
    shown = board()
    assert shown.record_event(event("server-down"), 1.0)
    changes = shown.changes(1)
    assert changes
    assert (changes.rows[KEY]["state"], changes.rows[KEY]["code"]) == ("down", "L4CON")
    assert changes.rows[KEY]["troubles"] == "down"
    assert shown.record_event(event("server-up"), 2.0)
    assert shown.items[KEY].row["troubles"] == ""


def test_events_of_others_show_nothing() -> None:
    shown = board()
    assert not shown.record_event({**event("server-down"), "real": "10.0.0.9:80"}, 1.0)
    assert not shown.record_event(event("drift-repaired"), 1.0)
    assert shown.revision == 1


def test_a_server_that_comes_and_goes_flaps_until_it_is_quiet() -> None:
    shown = board()
    for number in range(FLAPPING_COUNT):
        shown.record_event(event("server-up" if number % 2 else "server-down"), float(number))
    assert shown.items[KEY].row["troubles"] == "flapping"
    shown.apply_answer([virtual(real())], 500.0)
    assert shown.items[KEY].row["troubles"] == "flapping"
    shown.apply_answer([virtual(real())], 700.0)
    assert shown.items[KEY].row["troubles"] == ""


def test_other_servers_are_another_page() -> None:
    shown = board()
    shown.apply_answer([virtual(real(), real("10.0.0.2:80"))], 1.0)
    assert shown.changes(1) is None
    assert shown.changes(2) == (2, {}, {})
    assert shown.changes(3) is None


def test_whoever_is_too_far_behind_reads_the_page_again() -> None:
    shown = board()
    for number in range(MAX_CHANGES + 5):
        changed = {**real(), "kernel": {"weight": 1, "active": number + 10, "inactive": 7}}
        shown.apply_answer([virtual(changed)], 1.0)
    assert shown.changes(1) is None
    assert shown.changes(shown.revision - MAX_CHANGES + 1) is not None


def test_milliseconds_have_three_digits() -> None:
    assert [milliseconds(each) for each in (None, 0.0012345, 1.23456)] == [None, 1.23, 1230.0]
