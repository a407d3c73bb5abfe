"""diff: the fewest ops, and no service without a server in between."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.tables import successors, tables
from ldirectord_py.ipvs.diff import Op, Verb, diff
from ldirectord_py.ipvs.kernel import MemoryKernel
from ldirectord_py.ipvs.table import (
    Destination,
    DestinationKey,
    ForwardMethod,
    Protocol,
    Row,
    Service,
    ServiceKey,
    Table,
    Tunnel,
    VirtualAddress,
    service_of,
)

PAIRS = tables().flatmap(lambda table: st.tuples(st.just(table), successors(table) | tables()))

WEB = Service(VirtualAddress(Protocol.TCP, ip_address("10.0.0.1"), 80), "wrr")
MAIL = Service(VirtualAddress(Protocol.TCP, ip_address("10.0.0.1"), 25), "wrr")


def real(n: int, weight: int = 1, service: Service = WEB) -> Destination:
    return Destination(DestinationKey(service.key, ip_address(f"10.1.0.{n}"), 80), ForwardMethod.MASQUERADE, weight)


def table(*rows: Service | Destination) -> Table:
    return {row.key: row for row in rows}


def serving(rows: Table) -> set[ServiceKey]:
    """Return the services with a server of weight."""
    return {row.key.service for row in rows.values() if isinstance(row, Destination) and row.weight > 0}


@given(PAIRS)
async def test_applying_the_diff_gives_the_desired_table(pair: tuple[Table, Table]) -> None:
    current, desired = pair
    kernel = MemoryKernel(current.values())
    assert not await kernel.apply(diff(current, desired))
    assert desired == await kernel.read()


@given(PAIRS)
async def test_a_service_that_can_serve_before_and_after_can_in_between(pair: tuple[Table, Table]) -> None:
    current, desired = pair
    kernel = MemoryKernel(current.values())
    always = serving(current) & serving(desired)
    for op in diff(current, desired):
        await kernel.apply([op])
        assert set() == always - serving(kernel.table), op


@given(PAIRS)
def test_there_is_one_op_for_each_difference(pair: tuple[Table, Table]) -> None:
    current, desired = pair
    changed = {key for key in current.keys() | desired.keys() if current.get(key) != desired.get(key)}
    taken_along = {
        key for key in changed - desired.keys() if isinstance(key, DestinationKey) and service_of(key) not in desired
    }
    ops = diff(current, desired)
    assert changed - taken_along == {op.row.key for op in ops}
    assert len(changed - taken_along) == len(ops)


@given(tables())
def test_into_an_empty_table_services_are_added_first(rows: Table) -> None:
    services = [row for row in rows.values() if isinstance(row, Service)]
    others = [row for row in rows.values() if not isinstance(row, Service)]
    expected = [Op(Verb.ADD, row) for row in services + others]
    assert expected == diff({}, rows)


@given(tables())
def test_a_table_does_not_differ_from_itself(rows: Table) -> None:
    assert not diff(rows, dict(reversed(list(rows.items()))))


def test_the_order_is_services_raises_reductions_deletions() -> None:
    current = table(WEB, real(1, 5), real(2, 1), real(3), real(4), MAIL, real(9, service=MAIL))
    dns = Service(VirtualAddress(Protocol.UDP, ip_address("10.0.0.1"), 53), "rr")
    lc = Service(WEB.key, "lc")
    desired = table(dns, real(7, service=dns), lc, real(1, 2), real(2, 3), real(5))
    assert [
        Op(Verb.ADD, dns),
        Op(Verb.EDIT, lc),
        Op(Verb.ADD, real(7, service=dns)),
        Op(Verb.EDIT, real(2, 3)),
        Op(Verb.ADD, real(5)),
        Op(Verb.EDIT, real(1, 2)),
        Op(Verb.DELETE, real(3)),
        Op(Verb.DELETE, real(4)),
        Op(Verb.DELETE, MAIL),
    ] == diff(current, desired)


def test_destinations_are_deleted_before_a_service_that_was_there_before_them() -> None:
    current = table(MAIL, WEB, real(3))
    assert diff(current, table(WEB)) == [Op(Verb.DELETE, real(3)), Op(Verb.DELETE, MAIL)]


def test_an_edit_that_leaves_the_weight_comes_before_a_reduction() -> None:
    current, edited_row = table(WEB, real(1, 5), real(2)), real(2)._replace(upper=9)
    desired = table(WEB, real(1, 3), edited_row)
    assert diff(current, desired) == [Op(Verb.EDIT, edited_row), Op(Verb.EDIT, real(1, 3))]


SIP = replace(WEB, engine="sip")
SILENT = replace(WEB, any_engine=True)
GUE = Tunnel(1, 6080)


def edited(held: Row, wanted: Row) -> list[Row]:
    """Return the rows that are written over one."""
    ops = diff({held.key: held}, {wanted.key: wanted})
    assert all(op.verb is Verb.EDIT for op in ops)
    return [op.row for op in ops]


@pytest.mark.parametrize(
    ("held", "wanted", "written"),
    [
        (SIP, SILENT, None),
        (SIP, replace(SILENT, scheduler="lc"), replace(SIP, scheduler="lc")),
        (WEB, SILENT, None),
        (SIP, WEB, WEB),
        (WEB, SIP, SIP),
        (SIP, SIP, None),
    ],
)
def test_an_engine_that_the_configuration_leaves_open_is_kept(
    held: Service, wanted: Service, written: Service | None
) -> None:
    assert edited(held, wanted) == ([written] if written else [])


def test_the_tunnel_of_a_destination_is_kept_and_causes_no_op() -> None:
    wanted = Destination(DestinationKey(WEB.key, ip_address("10.1.0.1"), 80), ForwardMethod.TUNNEL, 1)
    held = wanted._replace(tunnel=GUE)
    assert edited(held, wanted) == []
    for other in (
        wanted._replace(weight=0),
        wanted._replace(upper=5),
        wanted._replace(forward=ForwardMethod.MASQUERADE),
    ):
        assert edited(held, other) == [other._replace(tunnel=GUE)]
