"""What ``top`` shows, and what its keys do."""

from __future__ import annotations

from typing import Any

import pytest

from harness.shown import BROKEN, answer, real, site
from ldirectord_py.cli.output.top_view import HELP, TopAction, TopView

SIZE = (100, 10)
SLOW = real("10.1.0.3:80", {"latency": 0.9}, name="web3")
BUSY = real("10.1.0.4:80", kernel={"weight": 2, "active": 900, "inactive": 0, "persistent": 0})
DIFFERENT = real("10.1.0.5:80", disagrees=["not in the kernel"], trouble=["disagrees"])


@pytest.fixture
def view() -> TopView:
    view = TopView()
    view.answer = {**answer(site(real(), SLOW, BUSY, DIFFERENT, BROKEN)), "as_of": "2026-11-28T03:12:45.000Z"}
    return view


def press(view: TopView, *pressed: str) -> list[TopAction]:
    return [action for key in pressed if (action := view.press(key)) is not None]


def shown(view: TopView, size: tuple[int, int] = SIZE) -> list[str]:
    return [line.text.rstrip() for line in view.lines(size)]


def addresses(view: TopView) -> list[str]:
    return [row["real"].partition(":")[0].rpartition(".")[2] for row in view.rows()]


def typed(text: str) -> list[str]:
    return [*text, "enter"]


def test_what_hurts_comes_first(view: TopView) -> None:
    lines = shown(view)
    assert lines[0].startswith("4 of 5 real servers up, 1 virtual, oldest result 4s old, as of 2026-11-2")
    assert lines[1] == "5 servers in trouble, by trouble"
    assert lines[2].split() == ["REAL", "VIRTUAL", "OBSERVED", "KERNEL", "ADMINISTRATIVE", "CONFIGURED"]
    assert lines[3].startswith(">! 10.1.0.2:80")
    assert lines[4].startswith(" ! 10.1.0.5:80")
    assert (len(lines), lines[-1]) == (10, HELP)


def test_a_narrow_screen_says_why_the_chosen_server_is_as_it_is(view: TopView) -> None:
    narrow = (60, 10)
    assert shown(view, narrow)[-2] == "why: connect refused"
    press(view, "down")
    assert shown(view, narrow)[-2] == "why: NOT IN THE KERNEL; 200 OK"
    press(view, "/", *typed("nothing of this name"))
    assert shown(view, narrow)[-2] == ""


def test_a_narrow_screen_shows_states_before_virtuals(view: TopView) -> None:
    lines = shown(view, (76, 10))
    assert lines[2].split() == ["REAL", "VIRTUAL", "OBSERVED", "KERNEL", "ADMINISTRATIVE", "CONFIGURED"]
    lines = shown(view, (40, 10))
    assert lines[2].split() == ["REAL", "OBSERVED", "KERNEL", "ADMINISTRATIVE", "CONFIGURED", "VIRTUAL"]
    assert lines[3][:40] == ">! 10.1.0.2:80       down L4CON 3/3 12ms"


def test_all_keys_are_named_on_a_screen_of_80_columns() -> None:
    assert len(HELP) <= 80


def test_the_end_of_a_long_reason_is_seen_while_it_is_typed(view: TopView) -> None:
    press(view, "d", *"a new disk, which took until late at night")
    assert shown(view, (30, 10))[-1] == "reason: k until late at night_"


def test_the_order_is_chosen(view: TopView) -> None:
    assert addresses(view) == ["2", "5", "1", "3", "4"]
    press(view, "s")
    assert addresses(view)[0] == "3"
    press(view, "s")
    assert addresses(view)[0] == "4"
    press(view, "s")
    assert addresses(view)[0] == "3"
    press(view, "s")
    assert addresses(view)[0] == "2"


def test_a_filter_is_typed(view: TopView) -> None:
    press(view, "/", *"WEBx", "backspace")
    assert shown(view)[-1] == "filter: WEB_"
    press(view, "enter")
    assert (addresses(view), shown(view)[1]) == (["3"], "1 server in trouble with WEB, by trouble")
    press(view, "/", "escape")
    assert addresses(view) == ["3"]
    press(view, "/", "backspace", "backspace", "backspace", "enter")
    assert len(addresses(view)) == 5


def test_the_chosen_server_stays_chosen_when_rows_move(view: TopView) -> None:
    press(view, "down", "j", "down", "up")
    assert view.chosen() == "tcp:10.0.0.1:80/10.1.0.1:80"
    press(view, "s")
    assert view.chosen() == "tcp:10.0.0.1:80/10.1.0.1:80"
    press(view, "end")
    assert addresses(view)[-1] == view.chosen().partition("/10.1.0.")[2].partition(":")[0]
    press(view, "home", "up", "pagedown", "pageup")
    assert addresses(view)[0] == view.chosen().partition("/10.1.0.")[2].partition(":")[0]


def test_a_server_is_drained_after_a_question_also_if_rows_move_meanwhile(view: TopView) -> None:
    assert press(view, "d") == []
    assert shown(view)[1] == "drain tcp:10.0.0.1:80/10.1.0.2:80? Enter: yes, Escape: no"
    assert shown(view)[-1] == "reason: _"
    view.answer = {**answer(site(DIFFERENT)), "as_of": "2026-11-28T03:12:47.000Z"}
    assert press(view, *typed("new disk")) == [TopAction("drain", "tcp:10.0.0.1:80/10.1.0.2:80", "new disk")]
    assert press(view, "d", "q", "escape") == []
    assert press(view, "u", "enter") == [TopAction("undrain", "tcp:10.0.0.1:80/10.1.0.5:80", "")]


def test_a_server_is_opened_and_closed(view: TopView) -> None:
    assert press(view, "enter") == [TopAction("open", "tcp:10.0.0.1:80/10.1.0.2:80")]
    view.open(answer(site({**BROKEN, "results": [], "transitions": []})))
    view.open(answer(site({**BROKEN, "results": [], "transitions": []})))
    lines = shown(view)
    assert lines[2] == "tcp:10.0.0.1:80/10.1.0.2:80"
    assert (len(lines), lines[-1]) == (10, "Enter back  arrows move")
    assert press(view, "d", "x", "q") == []
    assert shown(view)[-1] == HELP


def test_all_servers_are_asked_for_and_the_end_too(view: TopView) -> None:
    assert press(view, "a") == []
    assert view.everything
    assert shown(view)[1] == "all 5 servers, by trouble"
    assert press(view, "q") == [TopAction("quit")]


def test_faults_are_told(view: TopView) -> None:
    view.message = "tcp:10.0.0.1:80/10.1.0.2:80: drain"
    assert shown(view)[1] == "tcp:10.0.0.1:80/10.1.0.2:80: drain"
    view.fault = "the daemon is gone\x1b[2J"
    assert shown(view)[1] == "the daemon is gone?[2J"
    view.fault = view.message = ""
    view.answer = {**answer(site(BROKEN), error="no IPVS"), "as_of": "2026-11-28T03:12:45.000Z"}
    assert shown(view)[1] == "The kernel's table cannot be read: no IPVS"


def test_before_the_first_answer_and_without_servers_nothing_can_be_done() -> None:
    view = TopView()
    assert shown(view) == ["Asking the daemon ..."]
    empty: dict[str, Any] = {**answer(oldest=None), "as_of": "2026-11-28T03:12:45.000Z"}
    view.answer = empty
    assert press(view, "d", "u", "enter", "down") == []
    assert shown(view)[1] == "0 servers in trouble, by trouble"


def test_many_servers_are_shown_page_by_page() -> None:
    view = TopView()
    reals = [real(f"10.1.0.{number:03}:80") for number in range(100)]
    view.answer = {**answer(site(*reals)), "as_of": "2026-11-28T03:12:45.000Z"}
    assert shown(view)[3].startswith(">  10.1.0.000:80")
    press(view, "pagedown", "down")
    assert shown(view)[4].startswith(">  10.1.0.006:80")
    press(view, "end")
    assert [line for line in shown(view) if line.startswith(">")] == [
        line for line in shown(view) if "10.1.0.099" in line
    ]
