"""Differences between tables: which rows, and for how long."""

from __future__ import annotations

from contract.saved_table import parse
from ldirectord_py.divergences import Divergence, DivergenceTracker, divergent
from ldirectord_py.ipvs.diff import Op, Verb
from ldirectord_py.ipvs.ipvsadm import command
from ldirectord_py.ipvs.table import DestinationKey, ServiceKey, Table

WEB = parse("-A -t 192.0.2.1:80 -s wrr\n-a -t 192.0.2.1:80 -r 10.0.0.1:80 -g -w 1\n")
FOREIGN = parse("-A -f 7 -s rr\n-a -f 7 -r 10.0.0.1:0 -g -w 1\n")
(SERVICE, SERVER) = WEB.values()


def services(table: Table) -> list[ServiceKey]:
    return [key for key in table if not isinstance(key, DestinationKey)]


def commands(found: Table, wanted: Table) -> list[str]:
    return [command(op) for op in divergent(found, wanted, services(WEB))]


def patience(_: ServiceKey) -> float:
    return 5


def test_only_the_rows_of_our_services_are_compared() -> None:
    assert commands({**WEB, **FOREIGN}, WEB) == []
    assert commands({SERVICE.key: SERVICE, **FOREIGN}, WEB) == ["ipvsadm -a -t 192.0.2.1:80 -r 10.0.0.1:80 -g -w 1"]


def test_of_a_service_that_is_missing_the_servers_are_not_listed() -> None:
    assert commands({}, WEB) == ["ipvsadm -A -t 192.0.2.1:80 -s wrr"]
    assert commands(WEB, {}) == ["ipvsadm -D -t 192.0.2.1:80"]


def test_values_that_the_configuration_leaves_open_are_no_difference() -> None:
    held = parse("-A -t 192.0.2.1:80 -s wrr -p 60 --pe sip\n")
    (row,) = parse("-A -t 192.0.2.1:80 -s wrr -p 60\n").values()
    assert divergent(held, {row.key: row}, services(held)) != []


def update(tracker: DivergenceTracker, ops: list[Op], now: float) -> list[Divergence]:
    return list(tracker.update(ops, WEB, now, patience))


def test_a_difference_counts_once_it_has_lasted() -> None:
    tracker, op = DivergenceTracker(), Op(Verb.DELETE, SERVER)
    assert update(tracker, [op], 100) == []
    assert (update(tracker, [op], 105), tracker.pending, tracker.count) == ([], 1, 0)
    assert update(tracker, [op], 105.1) == [Divergence(op, SERVER, 100)]
    assert (update(tracker, [op], 200), tracker.pending, tracker.count) == ([], 0, 1)
    assert [*tracker.ongoing.values()] == [Divergence(op, SERVER, 100)]
    assert update(tracker, [], 201) == [Divergence(op, SERVER, 100, 201)]
    assert (update(tracker, [], 202), dict(tracker.ongoing), tracker.count) == ([], {}, 1)


def test_a_difference_that_passes_is_none() -> None:
    tracker, op = DivergenceTracker(), Op(Verb.DELETE, SERVER)
    for now in range(0, 100, 5):
        assert update(tracker, [op], now) == []
        assert update(tracker, [], now + 4) == []
    assert (tracker.count, tracker.pending) == (0, 0)


def test_another_change_of_the_same_row_is_the_same_difference() -> None:
    tracker = DivergenceTracker()
    assert update(tracker, [Op(Verb.DELETE, SERVER)], 0) == []
    (found,) = update(tracker, [Op(Verb.EDIT, SERVER)], 6)
    assert (found.since, found.wanted, found.found) == (0, SERVER, SERVER)
    assert Divergence(Op(Verb.DELETE, SERVER), SERVER, 0).wanted is None
