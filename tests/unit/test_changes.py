"""Changes of a table as lines of ipvsadm, and the connections that they end."""

from __future__ import annotations

from contract.saved_table import parse
from ldirectord_py.changes import Effect, changes, summary, totals
from ldirectord_py.ipvs.diff import Op, diff
from ldirectord_py.ipvs.table import Destination, DestinationKey, ServiceKey, Table

HELD = parse(
    """\
-A -t 192.0.2.1:80 -s wrr
-a -t 192.0.2.1:80 -r 10.0.0.1:80 -g -w 1
-a -t 192.0.2.1:80 -r 10.0.0.2:80 -g -w 1
-a -t 192.0.2.1:80 -r 10.0.0.3:80 -g -w 0
-A -f 7 -s rr
-a -f 7 -r 10.0.0.9:0 -i -w 1 --tun-type ipip
"""
)
FINAL = parse(
    """\
-A -t 192.0.2.1:80 -s wlc -p 60
-a -t 192.0.2.1:80 -r 10.0.0.1:80 -g -w 0
-a -t 192.0.2.1:80 -r 10.0.0.3:80 -g -w 2
-a -t 192.0.2.1:80 -r 10.0.0.4:80 -m -w 1
"""
)
CONNECTIONS = {key: 10 for key in HELD if isinstance(key, DestinationKey)}


def services(table: Table) -> list[ServiceKey]:
    return [key for key in table if not isinstance(key, DestinationKey)]


def test_each_change_is_a_line() -> None:
    found = changes(HELD, FINAL, CONNECTIONS)
    assert [str(change) for change in found] == [
        "~ ipvsadm -E -t 192.0.2.1:80 -s wlc -p 60  # -s wrr -> -s wlc -p 60",
        "~ ipvsadm -e -t 192.0.2.1:80 -r 10.0.0.3:80 -g -w 2  # -g -w 0 -> -g -w 2",
        "+ ipvsadm -a -t 192.0.2.1:80 -r 10.0.0.4:80 -m -w 1",
        "~ ipvsadm -e -t 192.0.2.1:80 -r 10.0.0.1:80 -g -w 0  # -g -w 1 -> -g -w 0; 10 connections there, no new ones",
        "- ipvsadm -d -t 192.0.2.1:80 -r 10.0.0.2:80  # ends 10 connections",
        "- ipvsadm -D -f 7  # ends 10 connections",
    ]
    assert summary(found) == (
        "1 row to add, 3 to change, 2 to remove; 20 connections would end, 10 would get no successors."
    )


def test_the_services_of_the_order_come_first() -> None:
    tcp, mark = services(HELD)
    found = changes(HELD, FINAL, CONNECTIONS, [mark, tcp])
    assert [change.op.row.key for change in found][:2] == [mark, tcp]


def test_the_changes_are_those_that_the_director_writes() -> None:
    assert sorted(map(repr, diff(HELD, FINAL))) == sorted(repr(each.op) for each in changes(HELD, FINAL, CONNECTIONS))


def test_a_row_is_without_effect_on_connections_while_it_keeps_weight() -> None:
    effects = {change.op.row.key: change.effect for change in changes(HELD, FINAL, {}) if is_real(change.op)}
    assert [*effects.values()] == [Effect.NONE, Effect.NONE, Effect.STARVES, Effect.ENDS]
    assert totals(changes(HELD, FINAL, {})) == {"add": 1, "edit": 3, "delete": 2, "ends": 0, "starves": 0}


def is_real(op: Op) -> bool:
    return isinstance(op.row, Destination)


def test_no_change() -> None:
    assert summary(changes(HELD, HELD, CONNECTIONS)) == "No change."


def test_plain_values() -> None:
    _, raised, added, _, removed, _ = changes(HELD, FINAL, CONNECTIONS)
    assert raised.as_json() == {
        "verb": "edit",
        "command": "ipvsadm -e -t 192.0.2.1:80 -r 10.0.0.3:80 -g -w 2",
        "before": "-g -w 0",
        "after": "-g -w 2",
        "virtual": "tcp:192.0.2.1:80",
        "effect": "none",
        "connections": 0,
    }
    assert (added.as_json()["before"], added.as_json()["after"]) == (None, "-m -w 1")
    assert (removed.as_json()["after"], removed.as_json()["connections"]) == (None, 10)
