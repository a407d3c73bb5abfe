"""The rows of a virtual, which are made once, and those of them that are asked for."""

from __future__ import annotations

from ipaddress import ip_address

from builders import fallback, real, virtual
from ldirectord_py.compiled_real import CompiledReal
from ldirectord_py.config.model import Forward
from ldirectord_py.desired import (
    DestinationSlot,
    ServerStates,
    VirtualRows,
    real_key,
    row_key,
    service,
    virtual_rows,
)
from ldirectord_py.health import Rules
from ldirectord_py.ipvs.table import Destination, DestinationKey
from ldirectord_py.ipvs.table import ForwardMethod as Method
from unit.test_desired import DISABLED, DRAIN, READY, WEB, administered, health, weights


def test_a_virtual_has_one_slot_for_the_servers_of_each_row() -> None:
    shared = (real("10.1.0.1:81", Forward.GATE, weight=2), real("10.1.0.1:82", Forward.GATE, weight=3, upper=9))
    other, sorry = real("10.1.0.2:8080", weight=4), fallback("10.1.0.1:80", Forward.GATE)
    site = virtual("10.0.0.1:80", *shared, other, fallback=sorry, quiescent=True)
    made = virtual_rows(site)
    key, alone = row_key(site, sorry), row_key(site, other)
    row = Destination(key, Method.ROUTE, 2)
    ups = (row, row._replace(weight=3, upper=9), Destination(alone, Method.MASQUERADE, 4))
    reals = tuple(
        CompiledReal(real_key(site, server), up, site, server, Rules())
        for server, up in zip(site.reals, ups, strict=True)
    )
    assert made == VirtualRows(
        service(site),
        reals,
        {
            alone: DestinationSlot(reals[2:], Destination(alone, Method.MASQUERADE, 0)),
            key: DestinationSlot(reals[:2], row._replace(weight=0, upper=9), row._replace(weight=1)),
        },
        key,
    )


def test_only_some_rows_are_those_of_the_whole_and_the_service() -> None:
    site = virtual("10.0.0.1:80", "10.1.0.1:80", "10.1.0.2:80", "10.1.0.3:80", fallback=fallback("127.0.0.1:80"))
    first, second, third = (real_key(site, server) for server in site.reals)
    made, strange = virtual_rows(site), DestinationKey(WEB, ip_address("10.1.0.9"), 80)
    states = ServerStates(health(site, True, True, False))
    manual: dict[DestinationKey, int | None] = {second: 5, third: 6}
    whole = made.rows(states, manual, all_down=False)
    assert [row.weight for row in whole.values() if isinstance(row, Destination)] == [5, 1]
    some = made.rows(states, manual, all_down=False, only=[third, first, strange])
    assert some == {key: whole[key] for key in (site.key, first)}
    assert made.rows(states, {}, all_down=False, only=()) == {site.key: service(site)}


def test_the_rows_that_are_administered_are_those_of_drained_and_disabled_servers() -> None:
    site = virtual("10.0.0.1:80", real("10.1.0.1:81", Forward.GATE), "10.1.0.2:80", "10.1.0.3:80")
    made = virtual_rows(site)
    assert made.administered({}) == frozenset()
    assert made.administered(administered(site, DRAIN, READY, DISABLED)) == {
        row_key(site, server) for server in (site.reals[0], site.reals[2])
    }


def test_the_fallback_has_the_row_that_it_shares_with_a_drained_server_and_one_that_is_down() -> None:
    shared = (real("10.1.0.1:81", Forward.GATE, weight=2), real("10.1.0.1:82", Forward.GATE, weight=3))
    site = virtual("10.0.0.1:80", *shared, fallback=fallback("10.1.0.1:80", Forward.GATE))
    assert weights(site, True, False, states=administered(site, DRAIN, READY)) == {"10.1.0.1:80": 1}


def test_the_real_servers_of_a_virtual_without_a_fallback_are_in_the_order_of_the_file() -> None:
    site = virtual("10.0.0.1:80", "10.1.0.2:80", "10.1.0.1:80")
    made = virtual_rows(site)
    assert ([each.key for each in made.reals], made.fallback) == ([real_key(site, each) for each in site.reals], None)
