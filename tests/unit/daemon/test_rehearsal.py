"""A rehearsal ends with the table that a start or reload on a real kernel ends with."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from builders import config, fallback, real, service_key, virtual
from contract.saved_table import parse
from ldirectord_py.administration import AdministrativeState, Decision, by_identity, entry_of
from ldirectord_py.changes import changes
from ldirectord_py.checks.registry import kinds
from ldirectord_py.config.model import CheckType, Config, Virtual
from ldirectord_py.daemon.reconciler.compiled_config import compile_config
from ldirectord_py.daemon.reconciler.director import Director
from ldirectord_py.daemon.rehearsal import Rehearsal
from ldirectord_py.ipvs.diff import Op, Verb
from ldirectord_py.ipvs.kernel import MemoryKernel
from ldirectord_py.ipvs.table import Destination, FirewallMark, Row, Table, service_of
from ldirectord_py.report.events import Event, NotWritten

SITES = ("10.0.0.1:80", "10.0.0.2:80")
SERVERS = [f"10.1.0.{number}:80" for number in range(1, 5)]
WEB = parse("-A -t 10.0.0.1:80 -s wrr\n-a -t 10.0.0.1:80 -r 10.1.0.1:80 -m -w 1\n")
FOREIGN = parse("-A -t 10.9.9.9:80 -s ovf\n-a -t 10.9.9.9:80 -r 10.1.0.1:80 -m -w 1\n")


@st.composite
def virtuals(draw: st.DrawFn, site: str) -> Virtual:
    names = draw(st.lists(st.sampled_from(SERVERS), unique=True, max_size=4))
    return virtual(
        site,
        *(real(name, weight=draw(st.integers(0, 3))) for name in names),
        quiescent=draw(st.booleans()),
        drainremoved=draw(st.sampled_from([0, 0, 60])),
        cleanstop=draw(st.booleans()),
        scheduler=draw(st.sampled_from(["rr", "wrr"])),
        checktype=draw(st.sampled_from([CheckType.CONNECT, CheckType.ON, CheckType.OFF])),
        fallback=draw(st.none() | st.just(fallback("127.0.0.1:80"))),
    )


configs = st.builds(
    lambda *found: config(*(each for each in found if each), reconcile=None),
    *(st.none() | virtuals(site) for site in SITES),
)


@st.composite
def tables(draw: st.DrawFn) -> Table:
    """Draw the rows of some configuration, with some weights set by hand, beside those of others."""
    rows: dict[Any, Row] = dict(FOREIGN)
    for site in SITES:
        if draw(st.booleans()):
            names = draw(st.lists(st.sampled_from(SERVERS), unique=True))
            lines = [f"-A -t {site} -s wrr"]
            lines += [f"-a -t {site} -r {name} -m -w {draw(st.integers(0, 3))}" for name in names]
            rows |= parse("\n".join(lines))
    return rows


def kernel_with(table: Table) -> MemoryKernel:
    return MemoryKernel(table.values())


async def set_by_hand(kernel: MemoryKernel, name: str, weight: int) -> None:
    """Set the weight of the rows of a server that have any."""
    for row in kernel.table.values():
        if isinstance(row, Destination) and row.key.endpoint == name and row.weight and row.key.service not in FOREIGN:
            await kernel.apply([Op(Verb.EDIT, row._replace(weight=weight))])


def endpoints(table: Table) -> set[str]:
    return {key.endpoint for key in table if not isinstance(key, FirewallMark)}


def ignore(_: Event) -> None:
    pass


def in_words(ops: list[Op]) -> Counter[str]:
    return Counter(map(repr, ops))


def planned(current: Table, final: Table) -> list[Op]:
    return [change.op for change in changes(current, final, {})]


def rehearsal(table: Table, **more: Any) -> Rehearsal:
    return Rehearsal(table, ignore, **more)


@given(configs, tables())
def test_a_start_writes_what_is_planned(configured: Config, table: Table) -> None:
    async def compare() -> None:
        kernel = kernel_with(table)
        found = kernel.table
        final = await rehearsal(found).start(configured)
        await Director(kernel, compile_config(configured, kinds())).start()
        assert final == kernel.table
        assert in_words(planned(found, final)) == in_words(kernel.written)

    asyncio.run(compare())


@given(configs, configs, st.lists(st.tuples(st.sampled_from(SERVERS), st.integers(1, 9))))
def test_a_reload_writes_what_is_planned(former: Config, new: Config, edits: list[tuple[str, int]]) -> None:
    async def compare() -> None:
        kernel = kernel_with(FOREIGN)
        director = Director(kernel, compile_config(former, kinds()))
        await director.start()
        for name, weight in edits:
            await set_by_hand(kernel, name, weight)
        found = kernel.table
        kernel.written.clear()
        final = await rehearsal(found).reload(former, new)
        await director.reload(compile_config(new, kinds(), director.compiled))
        assert final == kernel.table
        assert in_words(planned(found, final)) == in_words(kernel.written)

    asyncio.run(compare())


@given(configs, tables())
def test_foreign_services_stay(configured: Config, table: Table) -> None:
    final = asyncio.run(rehearsal(table).start(configured))
    assert {key: row for key, row in final.items() if service_of(key) in FOREIGN} == FOREIGN


async def test_servers_without_a_row_are_assumed_up() -> None:
    site = config(virtual("10.0.0.1:80", *map(real, SERVERS[:2]), fallback=fallback("127.0.0.1:80")))
    for table in ({}, WEB):
        final = await rehearsal(table, assume_up=True).start(site)
        assert endpoints(final) == {"10.0.0.1:80", *SERVERS[:2]}
    final = await rehearsal(WEB).start(site)
    assert endpoints(final) == {"10.0.0.1:80", SERVERS[0]}


async def test_assumed_servers_of_a_service_that_goes_are_no_change() -> None:
    gone = virtual("10.0.0.2:80", real(SERVERS[0]), cleanstop=False)
    stays = virtual("10.0.0.1:80", real(SERVERS[0]))
    final = await rehearsal(WEB, assume_up=True).reload(config(stays, gone), config(stays))
    assert final == WEB


async def test_a_row_that_the_kernel_refuses_is_published_and_not_planned() -> None:
    events: list[Event] = []
    final = await Rehearsal({}, events.append).start(config(virtual("10.0.0.1:0")))
    assert ([type(event) for event in events if isinstance(event, NotWritten)], final) == ([NotWritten], {})


async def test_a_scheduler_that_only_this_kernel_has_is_not_refused() -> None:
    final = await rehearsal(FOREIGN).start(config(virtual("10.0.0.1:80", scheduler="maglev")))
    assert service_key("10.0.0.1:80") in final


async def test_drained_and_disabled_servers_are_as_a_start_has_them() -> None:
    site = config(virtual("10.0.0.1:80", *map(real, SERVERS[:3])))
    table = parse(
        "-A -t 10.0.0.1:80 -s wrr\n" + "".join(f"-a -t 10.0.0.1:80 -r {name} -m -w 1\n" for name in SERVERS[:3])
    )
    drained, disabled = (
        entry_of(site.virtuals[0], real(name), state, Decision("ada", 0))
        for name, state in zip(SERVERS, (AdministrativeState.DRAIN, AdministrativeState.DISABLED), strict=False)
    )
    entries = by_identity((drained, disabled))
    final = await Rehearsal(table, ignore, entries=entries).start(site)
    assert {row.key.endpoint: row.weight for row in final.values() if isinstance(row, Destination)} == {
        SERVERS[0]: 0,
        SERVERS[2]: 1,
    }
    assert await Rehearsal(final, ignore, entries=entries).reload(site, site) == final
