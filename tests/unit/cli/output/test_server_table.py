"""The tables of ``show``: what hurts is seen first, and a row where two columns disagree stands out."""

from __future__ import annotations

import re
from typing import Any

import pytest

from harness.shown import BROKEN, OBSERVED, VIRTUAL, answer, real, site
from ldirectord_py.cli.output.server_table import kernel_cell, observed_cell, show_lines, summary_line
from ldirectord_py.cli.output.table_layout import Layout

PLAIN = Layout()


def lines(*virtuals: dict[str, Any], layout: Layout = PLAIN, **more: Any) -> list[str]:
    return list(show_lines(answer(*virtuals, **more), layout))


def test_a_row_has_all_four_columns_and_says_why() -> None:
    assert lines(site(real(name="web1"), BROKEN), layout=Layout(everything=True)) == [
        "1 of 2 real servers up, 1 virtual, oldest result 4s old",
        "  REAL              CONFIGURED  ADMINISTRATIVE  OBSERVED                    KERNEL",
        "tcp:10.0.0.1:80  wrr, negotiate http  1/2 up",
        "  10.1.0.1:80 web1  2 masq      ready           up L7OK 12ms 4s ago         2 12+3  200 OK",
        "! 10.1.0.2:80       2 masq      ready           down L4CON 3/3 12ms 4s ago  -       connect refused",
    ]


def test_a_virtual_says_how_many_of_its_servers_have_no_address() -> None:
    left_out = site(real(), configured={**VIRTUAL, "unresolved": 2})
    shown = lines(left_out, *[site(real()) for _ in range(50)])
    assert shown[2] == "tcp:10.0.0.1:80  wrr, negotiate http  1/1 up, 2 names without an address"
    assert shown[-1].startswith("50 virtuals without trouble")


def test_what_is_well_is_one_line_for_each_virtual_or_a_number() -> None:
    assert lines(site(real())) == [
        "1 of 1 real servers up, 1 virtual, oldest result 4s old",
        "tcp:10.0.0.1:80  wrr, negotiate http  1/1 up",
    ]
    many = lines(*[site(real()) for _ in range(50)], site(BROKEN))
    assert many[0] == "50 of 51 real servers up, 51 virtuals, oldest result 4s old"
    assert many[2:] == [
        "tcp:10.0.0.1:80  wrr, negotiate http  0/1 up",
        "! 10.1.0.2:80  2 masq      ready           down L4CON 3/3 12ms 4s ago  -       connect refused",
        "50 virtuals without trouble, 50 servers up (--all)",
    ]


def test_the_summary_of_a_long_table_is_repeated_below_it() -> None:
    shown = lines(*[site(BROKEN) for _ in range(30)])
    assert shown[-1] == shown[0] == "0 of 30 real servers up, 30 virtuals, oldest result 4s old"


def test_an_outage_is_told_on_top_and_shows_the_fallback() -> None:
    fallback = {"server": "127.0.0.1:80", "used": True, "kernel": {"weight": 1, "active": 5, "inactive": 0}}
    shown = lines(site(BROKEN, trouble=["outage"], fallback={**fallback, "disagrees": []}))
    assert shown[0] == "0 of 1 real servers up, 1 virtual, 1 WITHOUT A SERVER, oldest result 4s old"
    assert shown[2].endswith("0/1 up  NO SERVER IS UP")
    assert shown[4].split() == ["127.0.0.1:80", "fallback", "in", "use", "1", "5+0"]


def test_a_row_that_disagrees_says_how_before_anything_else() -> None:
    different = real(disagrees=["weight 9 in the kernel, not 2 (set by hand)"], trouble=["disagrees"])
    (row,) = lines(site(different))[3:]
    assert row.startswith("! 10.1.0.1:80")
    assert row.endswith("WEIGHT 9 IN THE KERNEL, NOT 2 (SET BY HAND); 200 OK")


def test_virtuals_that_hurt_most_come_first_unless_all_are_asked_for() -> None:
    drained = {"state": "drain", "who": None, "since": None, "why": None, "until": None}
    quiet = site(real(administrative=drained, trouble=["drain"]), virtual="tcp:10.0.0.1:1")
    broken = site(real(), BROKEN, virtual="tcp:10.0.0.1:2")
    out = site(BROKEN, trouble=["outage"], virtual="tcp:10.0.0.1:3")
    found = {all_: lines(quiet, broken, out, layout=Layout(everything=all_)) for all_ in (False, True)}
    orders = {key: [line[13] for line in each if line.startswith("tcp:")] for key, each in found.items()}
    assert orders == {False: ["3", "2", "1"], True: ["1", "2", "3"]}
    assert ", 1 drained, " in found[False][0]


def test_a_drained_server_says_who_and_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    drained = {
        "state": "drain",
        "who": "alice",
        "since": "2026-11-28T03:00:00.000Z",
        "why": "disk",
        "until": "2026-11-28T06:00:00.000Z",
    }
    (row,) = lines(site(real(administrative=drained, trouble=["drain"])))[3:]
    assert row.startswith("~ 10.1.0.1:80")
    assert re.search(r"drained by alice since 2026-11-28 0\d:00 until 2026-11-28 0\d:00: disk; 200 OK$", row)


def test_rows_of_no_server_are_shown() -> None:
    other = {"real": "10.1.0.9:80", "kernel": {"weight": 0, "active": 1, "inactive": 2}, "administrative": None}
    assert "10.1.0.9:80" in lines(site(real(), others=[other]))[4]
    for why, shown in (("", "(by alice)"), ("new disk", "(by alice: new disk)")):
        drained = {**other, "administrative": {"state": "drain", "who": "alice", "why": why}}
        assert f"it drains, and has left the configuration {shown}" in lines(site(real(), others=[drained]))[4]


@pytest.mark.parametrize(
    ("leaving", "shown"),
    [
        ("removed", "being removed, as it has left the configuration"),
        ("moved", "its name has another address now"),
        ("drained", "it drains, and has left the configuration"),
        (None, "its name has no address now"),
    ],
)
def test_a_row_says_why_it_is_still_there(leaving: str | None, shown: str) -> None:
    kernel = {"weight": 0, "active": 1, "inactive": 2}
    other = {"real": "10.1.0.9:80", "kernel": kernel, "administrative": None, "leaving": leaving}
    assert shown in lines(site(real(), others=[other]))[4]


def test_a_kernel_that_cannot_be_read_is_told_and_its_column_is_unknown() -> None:
    shown = lines(site(BROKEN), error="no IPVS")
    assert shown[1] == "The kernel's table cannot be read: no IPVS"
    assert shown[-1].split()[-3:] == ["?", "connect", "refused"]
    assert kernel_cell(None) == "-"


@pytest.mark.parametrize(
    ("observed", "text"),
    [
        ({}, "up L7OK 12ms 4s ago"),
        ({"failures": 1}, "up L7OK 1/3 12ms 4s ago"),
        ({"up": False, "successes": 1, "successcount": 3}, "down L7OK 1/3 12ms 4s ago"),
        ({"overdue": True, "age": 95.0}, "up L7OK 12ms 1m35s ago OVERDUE"),
        ({"rising": 3}, "up L7OK 12ms 4s ago RISING 3/10"),
        ({"up": None, "code": None, "latency": None, "age": None}, "unknown"),
    ],
)
def test_what_was_observed_is_one_cell(observed: dict[str, Any], text: str) -> None:
    assert observed_cell({**OBSERVED, **observed}) == text


def test_colours_come_only_if_wanted() -> None:
    different = real(disagrees=["not in the kernel"], trouble=["disagrees"])
    shown = lines(site(real(), BROKEN, different), layout=Layout(120, colour=True, everything=True))
    assert shown[0].startswith("\x1b[1m")
    assert [line[:5] for line in shown[3:]] == ["  10.", "\x1b[31m", "\x1b[35m"]
    assert not any("\x1b" in line for line in lines(site(real(), BROKEN, different), layout=Layout(120)))


def test_nothing_that_a_server_sends_reaches_the_terminal_as_a_command() -> None:
    evil = real(observed={"reason": "200\x1b]0;owned\x07\nOK"}, name="web\x1b[2J", trouble=["failing"])
    shown = lines(site(evil, servicename="\x1b[31m"))
    assert not any(letter in line for line in shown for letter in "\x1b\x07\n")


def test_no_configuration_is_no_row() -> None:
    assert lines(oldest=None) == ["0 of 0 real servers up, 0 virtuals"]
    assert summary_line(answer(oldest=None)) == "0 of 0 real servers up, 0 virtuals"
