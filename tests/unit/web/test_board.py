"""What clients see: rows change only if their texts do, numbers are sent once, and each change has a number."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from harness.watch_answers import real, replica, update, whole
from ldirectord_py.web import board as board_module
from ldirectord_py.web.board import FLAPPING_COUNT, MAX_CHANGES, MAX_POINTS, Board, milliseconds

KEY = "tcp:192.0.2.1:80/10.0.0.1:80"


class Shown:
    """A board and the servers that it shows."""

    def __init__(self, *reals: dict[str, Any]) -> None:
        self.servers = replica(*(reals or (real(),)))
        self.board = Board()
        self.board.apply_answer(self.servers, 0.0)

    def again(self, *reals: dict[str, Any], now: float = 1.0) -> bool:
        """Show all servers anew."""
        self.servers.apply(whole(*reals), now)
        return self.board.apply_answer(self.servers, now)

    def change(
        self, *reals: dict[str, Any], now: float = 1.0, results: Sequence[int] = (), connections: Sequence[int] = ()
    ) -> bool:
        """Show an update."""
        changes = self.servers.apply(update(*reals, results=results, connections=connections), now)
        assert changes
        return self.board.apply_changes(self.servers, changes, now)


def event(name: str, seconds: int = 0) -> dict[str, Any]:
    what = {"event": name, "up": name == "server-up", "code": "L4CON", "reason": "connect refused", "failures": 1}
    where = {"virtual": "tcp:192.0.2.1:80", "real": "10.0.0.1:80"}
    return {**what, **where, "successes": 0, "time": f"2026-11-28T08:00:{seconds:02}.000Z"}


def test_an_equal_answer_changes_nothing() -> None:
    shown = Shown()
    assert not shown.again(real(), now=0.0)
    assert not shown.change(real(age=2.0))
    assert shown.board.revision == 1
    assert shown.board.changes(1) == (1, {}, {})


def test_times_that_the_daemon_computed_anew_are_no_change() -> None:
    shown = Shown(real(since="2026-11-28T07:00:00.000Z"))
    again = real(since="2026-11-28T07:00:00.001Z", age=1.001)
    assert not shown.again(again, now=0.0)
    assert not shown.change(again, now=0.0)


def test_a_new_result_is_a_point_and_its_row_stays() -> None:
    shown = Shown()
    assert shown.change(now=10.0, results=(0, 0, 500_000))
    assert shown.board.changes(1) == (2, {}, {1: [(500.0, 5, 7)]})
    assert list(shown.board.items[KEY].latencies) == [12.3, 500.0]


def test_a_new_result_that_changes_the_row_is_a_point_too() -> None:
    shown = Shown()
    assert shown.change(real(up=False, age=0.0, latency=0.25), now=10.0)
    changes = shown.board.changes(1)
    assert changes
    assert (changes.rows[KEY]["state"], changes.numbers) == ("down", {1: [(250.0, 5, 7)]})
    assert shown.again(real(age=0.0, latency=0.5), now=20.0)
    assert list(shown.board.items[KEY].latencies) == [12.3, 250.0, 500.0]


def test_connections_change_without_a_point() -> None:
    shown = Shown()
    shown.change(connections=(0, 6, 7, 0))
    assert shown.board.changes(1) == (2, {}, {1: [(None, 6, 7)]})
    assert list(shown.board.items[KEY].latencies) == [12.3]


def test_a_kernel_that_cannot_be_read_is_another_page() -> None:
    shown = Shown(real(up=False))
    shown.servers.apply({**whole(real(up=False)), "kernel": {"age": 1.0, "error": "no IPVS"}}, 1.0)
    assert shown.board.apply_answer(shown.servers, 1.0)
    assert (shown.board.kernel_error, shown.board.changes(1)) == ("no IPVS", None)
    assert shown.again(real(up=False), now=2.0)
    assert (shown.board.kernel_error, shown.board.changes(2)) == ("", None)


def test_only_the_last_latencies_are_kept() -> None:
    shown = Shown()
    for number in range(70):
        shown.change(now=10.0 * number + 10, results=(0, 0, 1000 * number))
    assert len(shown.board.items[KEY].latencies) == MAX_POINTS
    assert shown.board.items[KEY].latencies[-1] == 69


def test_a_transition_is_shown_before_the_next_update() -> None:
    board = Shown().board
    assert board.record_event(event("server-down"), 1.0)
    changes = board.changes(1)
    assert changes
    assert (changes.rows[KEY]["state"], changes.rows[KEY]["code"]) == ("down", "L4CON")
    assert changes.rows[KEY]["troubles"] == "down"
    assert board.record_event(event("server-up"), 2.0)
    assert board.items[KEY].row["troubles"] == ""


def test_events_of_others_show_nothing() -> None:
    board = Shown().board
    assert not board.record_event({**event("server-down"), "real": "10.0.0.9:80"}, 1.0)
    assert not board.record_event(event("drift-repaired"), 1.0)
    assert board.revision == 1


def test_a_server_that_comes_and_goes_flaps_until_it_is_quiet() -> None:
    shown = Shown()
    for number in range(FLAPPING_COUNT):
        shown.board.record_event(event("server-up" if number % 2 else "server-down"), float(number))
    assert shown.board.items[KEY].row["troubles"] == "flapping"
    shown.change(real(), now=500.0)
    assert shown.board.items[KEY].row["troubles"] == "flapping"
    shown.change(now=700.0)
    assert shown.board.items[KEY].row["troubles"] == ""


def test_a_certificate_comes_near_its_end_without_another_change() -> None:
    shown = Shown(real(certificate_end="2026-12-12T12:20:00.000Z"), real("10.0.0.2:80", 1))
    assert not shown.board.show_certificates("2026-12-12T12", 1.0)
    assert not shown.board.show_certificates("2026-12-12T12", 1.0)
    assert shown.board.show_certificates("2026-12-12T13", 2.0)
    changes = shown.board.changes(1)
    assert changes
    assert {key: row["troubles"] for key, row in changes.rows.items()} == {KEY: "certificate"}
    assert shown.change(real(certificate_end="2027-12-12T12:20:00.000Z"))
    assert shown.board.items[KEY].row["troubles"] == ""
    assert shown.change(real(certificate_end="2026-12-01T00:00:00.000Z"))
    assert shown.board.items[KEY].row["troubles"] == "certificate"
    assert shown.again(real(certificate_end="2026-12-02T00:00:00.000Z"), real("10.0.0.2:80", 1))
    assert shown.board.items[KEY].row["troubles"] == "certificate"
    shown.board.record_event(event("server-down"), 3.0)
    assert shown.board.items[KEY].row["troubles"] == "down certificate"


def test_other_servers_are_another_page() -> None:
    shown = Shown()
    shown.again(real(), real("10.0.0.2:80", 1))
    assert shown.board.changes(1) is None
    assert shown.board.changes(2) == (2, {}, {})
    assert shown.board.changes(3) is None


def test_whoever_is_too_far_behind_reads_the_page_again() -> None:
    shown = Shown()
    for number in range(MAX_CHANGES + 5):
        shown.change(connections=(0, number + 10, 7, 0))
    board = shown.board
    assert board.changes(1) is None
    assert board.changes(board.revision - MAX_CHANGES + 1) is not None


def sites(count: int) -> Shown:
    return Shown(*[real(f"10.0.{number // 250}.{number % 250}:80", number) for number in range(count)])


def test_whoever_missed_more_rows_or_numbers_than_the_page_has_reads_it_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(board_module, "MAX_ROWS_SENT", 5)
    monkeypatch.setattr(board_module, "MAX_NUMBERS_SENT", 30)
    shown = sites(10)
    for number in range(1, 6):
        shown.change(connections=[each for server in range(10) for each in (server, number, 7, 0)])
    assert shown.board.changes(1) is None
    changes = shown.board.changes(3)
    assert changes is not None
    assert sum(map(len, changes.numbers.values())) == 30
    shown.change(*[real(f"10.0.0.{number}:80", number, up=False) for number in range(5)])
    changes = shown.board.changes(6)
    assert changes is not None
    assert len(changes.rows) == 5
    shown.change(*[real(f"10.0.0.{number}:80", number, up=False) for number in range(5, 7)])
    assert shown.board.changes(6) is None


def test_of_a_large_site_two_changes_of_all_numbers_may_be_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(board_module, "MAX_NUMBERS_SENT", 1)
    shown = sites(10)
    for number in range(1, 4):
        shown.change(connections=[each for server in range(10) for each in (server, number, 7, 0)])
    assert shown.board.changes(1) is None
    assert shown.board.changes(2) is not None


def test_milliseconds_have_three_digits() -> None:
    assert [milliseconds(each) for each in (None, 0.0012345, 1.23456)] == [None, 1.23, 1230.0]
