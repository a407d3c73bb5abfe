"""A server that is open in ``top``: all of its lines can be reached, on any screen."""

from __future__ import annotations

from harness.shown import BROKEN, answer, site
from ldirectord_py.cli.output.opened_server import OpenedServer

RESULT = {"at": "2026-11-28T03:15:00.000Z", "age": 4.2, "verdict": "down", "code": "L4CON", "latency": 0.1}
RESULTS = [{**RESULT, "reason": f"reason {number}"} for number in range(20)]
TRANSITION = {"at": "2026-11-28T03:15:00.000Z", "age": 4.2, "up": False, "code": "L4CON", "reason": "the last one"}


def opened() -> OpenedServer:
    return OpenedServer(answer(site({**BROKEN, "results": RESULTS, "transitions": [TRANSITION]})))


def shown(server: OpenedServer, columns: int = 100, count: int = 10) -> list[str]:
    return [line.text for line in server.lines(columns, count)]


def test_its_name_is_that_of_the_server() -> None:
    assert opened().full_name == "tcp:10.0.0.1:80/10.1.0.2:80"
    assert OpenedServer(answer()).full_name == ""


def test_lines_that_have_no_room_are_reached_by_keys() -> None:
    server = opened()
    first = shown(server)
    assert (first[0], len(first)) == ("tcp:10.0.0.1:80/10.1.0.2:80", 10)
    assert not server.press("down")
    assert shown(server)[0] == first[1]
    server.press("pagedown")
    assert shown(server)[0].endswith("reason 4")
    server.press("end")
    last = shown(server)
    assert last[-1].endswith("the last one")
    server.press("j")
    assert shown(server) == last
    server.press("home")
    server.press("k")
    assert shown(server) == first


def test_what_is_new_stays_where_it_was_scrolled_to() -> None:
    server = opened()
    shown(server)
    server.press("pagedown")
    before = shown(server)
    server.answer = opened().answer
    assert shown(server) == before


def test_a_larger_screen_shows_all_and_a_narrow_one_breaks_lines() -> None:
    server = opened()
    shown(server)
    server.press("end")
    whole = shown(server, count=60)
    assert whole[0] == "tcp:10.0.0.1:80/10.1.0.2:80"
    assert whole[-1] == ""
    narrow = shown(server, columns=30, count=200)
    assert max(map(len, narrow)) <= 30
    assert "".join("".join(whole).split()) == "".join("".join(narrow).split())


def test_three_keys_close_it() -> None:
    assert [key for key in ("q", "x", "enter", "d", "escape") if opened().press(key)] == ["q", "enter", "escape"]
