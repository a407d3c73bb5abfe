"""save: the lines of ipvsadm 1.31, byte for byte, and parsed again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.saved_table import NotSavedError, parse
from contract.tables import tables
from ldirectord_py.ipvs.diff import Op, Verb
from ldirectord_py.ipvs.ipvsadm import command, in_order, save
from ldirectord_py.ipvs.table import Destination, ForwardMethod, Row, Table

SAVED = """\
-A -t 10.0.0.1:0 -s rr -p 360 -M 255.255.255.0
-A -t 10.0.0.1:80 -s wrr
-a -t 10.0.0.1:80 -r 10.1.0.1:80 -g -w 1
-a -t 10.0.0.1:80 -r 10.1.0.2:8080 -m -w 65535
-a -t 10.0.0.1:80 -r 10.1.0.3:80 -i -w 0 --tun-type ipip
-a -t 10.0.0.1:80 -r 10.1.0.4:80 -i -w 1 --tun-type gue --tun-port 6080 --tun-nocsum
-a -t 10.0.0.1:80 -r 10.1.0.5:80 -i -w 1 --tun-type gre --tun-csum
-a -t 10.0.0.1:80 -r 127.0.0.1:80 -g -w 0
-A -u 10.0.0.1:53 -s sh -o -b sh-fallback,sh-port
-A -u 10.0.0.2:53 -s mh -p 50 -b mh-fallback,mh-port
-A -u 10.0.0.3:5060 -s rr -p 60 --pe sip -o
-A -u 10.0.0.5:53 -s rr -b flag-3
-A -u 10.0.0.6:53 -s ovf
-A --sctp-service 10.0.0.1:80 -s wrr
-a --sctp-service 10.0.0.1:80 -r 10.1.0.9:80 -m -w 1
-A -t [2001:db8::1]:443 -s wlc -p 360 -M 64
-a -t [2001:db8::1]:443 -r 10.9.0.1:443 -i -w 1 --tun-type ipip
-a -t [2001:db8::1]:443 -r [2001:db8::10]:443 -m -w 1
-a -t [2001:db8::1]:443 -r [2001:db8:1111:2222:3333:4444:5555:6666]:4430 -m -w 1
-A -f 1 -s wlc
-a -f 1 -r 10.1.0.1:0 -g -w 1
-A -f 1 -6 -s wlc -p 5
-a -f 1 -6 -r [2001:db8::10]:0 -g -w 1
"""


def plain(row: Row) -> Row:
    """Return the row as ipvsadm saves it: a local server like a gated one."""
    local = isinstance(row, Destination) and row.forward is ForwardMethod.LOCAL
    return row._replace(forward=ForwardMethod.ROUTE) if isinstance(row, Destination) and local else row


def test_the_lines_of_ipvsadm_are_parsed_and_saved_unchanged() -> None:
    assert save(parse(SAVED)) == SAVED


@given(tables())
def test_a_saved_table_is_parsed_to_itself(table: Table) -> None:
    expected = {key: plain(row) for key, row in table.items()}
    assert expected == parse(save(table))


@given(tables())
def test_services_come_before_their_destinations(table: Table) -> None:
    seen: set[object] = set()
    for row in in_order(table):
        assert not isinstance(row, Destination) or row.key.service in seen
        seen.add(row.key)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("-A -t 10.0.0.1:80", "'-s' is missing"),
        ("-A -s wrr", "it names no service"),
        ("-A -t 10.0.0.1:80 -s", "a value is missing"),
        ("-C", "unknown option -C"),
        ("-a -t 10.0.0.1:80 -r web:80", "'web' does not appear to be an IPv4 or IPv6 address"),
    ],
)
def test_other_lines_are_refused(line: str, reason: str) -> None:
    with pytest.raises(NotSavedError) as caught:
        parse(line)
    assert f"not a line of ipvsadm --save -n: {line!r}: {reason}" == str(caught.value)


@given(st.text() | st.lists(st.sampled_from(SAVED.split())).map(" ".join))
def test_any_text_gives_a_table_or_an_error(text: str) -> None:
    try:
        parse(text)
    except NotSavedError:
        return


@pytest.mark.parametrize(
    ("verb", "saved", "expected"),
    [
        (Verb.ADD, "-A -f 1 -6 -s wlc -p 5", "ipvsadm -A -f 1 -6 -s wlc -p 5"),
        (Verb.EDIT, "-A -u 10.0.0.1:53 -s sh -o", "ipvsadm -E -u 10.0.0.1:53 -s sh -o"),
        (Verb.DELETE, "-A -f 1 -6 -s wlc -p 5", "ipvsadm -D -f 1 -6"),
        (Verb.EDIT, "-a -t 10.0.0.1:80 -r 10.1.0.2:8080 -m -w 2", "ipvsadm -e -t 10.0.0.1:80 -r 10.1.0.2:8080 -m -w 2"),
        (Verb.DELETE, "-a -t 10.0.0.1:80 -r 10.1.0.2:8080 -m -w 2", "ipvsadm -d -t 10.0.0.1:80 -r 10.1.0.2:8080"),
    ],
)
def test_the_command_of_an_op(verb: Verb, saved: str, expected: str) -> None:
    service = "" if saved.startswith("-A") else "-A -t 10.0.0.1:80 -s wrr\n"
    *_, row = parse(service + saved + "\n").values()
    assert command(Op(verb, row)) == expected
