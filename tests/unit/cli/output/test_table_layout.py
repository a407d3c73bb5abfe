"""Tables on terminals of any width: the state of a server and its reason are always there."""

from __future__ import annotations

import pytest

from harness.shown import BROKEN, answer, real, site
from ldirectord_py.cli.output.server_table import show_lines
from ldirectord_py.cli.output.table_layout import MIN_WIDTH, Layout

REASON = "NOT IN THE KERNEL; status 503 Service Unavailable, said by a server of many words"
LONG = real(disagrees=["not in the kernel"], trouble=["disagrees"], observed={"reason": REASON.partition("; ")[2]})


def lines(width: int | None) -> list[str]:
    return list(show_lines(answer(site(real(), BROKEN, LONG)), Layout(width, everything=True)))[1:]


def test_a_reason_that_has_no_room_is_below_its_row() -> None:
    assert lines(80) == [
        "  REAL         CONFIGURED  ADMINISTRATIVE  OBSERVED                    KERNEL",
        "tcp:10.0.0.1:80  wrr, negotiate http  2/3 up",
        "  10.1.0.1:80  2 masq      ready           up L7OK 12ms 4s ago         2 12+3",
        "    200 OK",
        "! 10.1.0.2:80  2 masq      ready           down L4CON 3/3 12ms 4s ago  -",
        "    connect refused",
        "! 10.1.0.1:80  2 masq      ready           up L7OK 12ms 4s ago         2 12+3",
        "    NOT IN THE KERNEL; status 503 Service Unavailable, said by a server of many",
        "    words",
    ]


def test_columns_that_have_no_room_are_below_the_server() -> None:
    assert lines(40) == [
        "  REAL",
        "    CONFIGURED  ADMINISTRATIVE  OBSERVED",
        "    KERNEL",
        "tcp:10.0.0.1:80  wrr, negotiate http",
        "    2/3 up",
        "  10.1.0.1:80",
        "    2 masq  ready  up L7OK 12ms 4s ago",
        "    2 12+3",
        "    200 OK",
        "! 10.1.0.2:80",
        "    2 masq  ready  down L4CON 3/3 12ms",
        "    4s ago  -",
        "    connect refused",
        "! 10.1.0.1:80",
        "    2 masq  ready  up L7OK 12ms 4s ago",
        "    2 12+3",
        "    NOT IN THE KERNEL; status 503",
        "    Service Unavailable, said by a",
        "    server of many words",
    ]


@pytest.mark.parametrize("width", [1, MIN_WIDTH, 33, 60, 79, 81, 132, 200])
def test_nothing_is_lost_and_no_line_is_too_long(width: int) -> None:
    shown = lines(width)
    assert max(map(len, shown)) <= max(MIN_WIDTH, width)
    assert "".join("".join(lines(None)).split()) == "".join("".join(shown).split())
