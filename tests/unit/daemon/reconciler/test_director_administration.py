"""Drained and disabled servers: their rows, the fallback, changes by others, reloads and restarts."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from builders import config, down, fallback, real, up, virtual
from harness.director_site import WEB, Site, destination, started
from ldirectord_py.administration import AdministrativeState, Decision, Entries, by_identity, entry_of
from ldirectord_py.config.model import Virtual
from ldirectord_py.daemon.reconciler.draining import COUNT_INTERVAL, MAX_DRAINED_TIME
from ldirectord_py.ipvs.diff import Op, Verb
from ldirectord_py.ipvs.table import Destination, DestinationKey
from ldirectord_py.report.events import Administered, Event, Outage

ONE, TWO, LAST = "10.1.0.1:80", "10.1.0.2:80", "127.0.0.1:80"
DRAIN, DISABLED = AdministrativeState.DRAIN, AdministrativeState.DISABLED
BOTH = virtual(WEB, ONE, TWO, fallback=fallback(LAST))
ALICE = Decision("alice", 1_700_000_000.0, "new kernel")
BOB = Decision("bob", 1_700_000_100.0)
NAMED = f"{ONE} (tcp:{WEB})"


def entries(site: Virtual, **states: AdministrativeState) -> Entries:
    """Return the entries of servers, by the last number of their addresses: ``_1=DRAIN``."""
    chosen = {server: states.get(f"_{str(server.server).rpartition('.')[2]}") for server in site.reals}
    return by_identity(entry_of(site, server, state, ALICE) for server, state in chosen.items() if state)


async def administer(site: Site, held: Entries, by: Decision | None = None) -> dict[str, int]:
    site.lines.clear()
    site.director.set_administration(held, by)
    await site.director.reconcile()
    return site.weights


async def both_up(site: Virtual = BOTH) -> Site:
    running = await started(site)
    await running.check(up())
    return running


async def test_a_drained_server_keeps_its_row_at_weight_0_until_it_is_ready() -> None:
    site = await both_up()
    assert await administer(site, entries(BOTH, _1=DRAIN)) == {ONE: 0, TWO: 1}
    assert site.lines == [
        f"Real server {NAMED} is drained by alice: new kernel",
        f"Quiescent real server: {ONE} ({WEB}) (Weight set to 0)",
    ]
    assert site.director.summary == "1 virtual server, 1 of 2 real servers up, 1 drained"
    assert await administer(site, {}, BOB) == {ONE: 1, TWO: 1}
    assert site.lines == [
        f"Real server {NAMED} is ready again, by bob",
        f"Restored real server: {ONE} ({WEB}) (Weight set to 1)",
    ]


async def test_a_disabled_server_has_no_row_until_it_is_ready() -> None:
    site = await both_up()
    assert await administer(site, entries(BOTH, _1=DISABLED)) == {TWO: 1}
    assert site.lines == [
        f"Real server {NAMED} is disabled by alice: new kernel",
        f"Deleted real server: {ONE} ({WEB})",
    ]
    assert site.director.summary == "1 virtual server, 1 of 2 real servers up, 1 disabled"
    assert await administer(site, entries(BOTH, _1=DRAIN)) == {ONE: 0, TWO: 1}
    assert await administer(site, {}) == {ONE: 1, TWO: 1}
    assert site.lines[0] == f"Real server {NAMED} is ready again, its time is over, it was drained by alice: new kernel"


async def test_checks_go_on_and_a_drained_server_is_ready_with_the_health_that_it_has_then() -> None:
    site = await both_up()
    await administer(site, entries(BOTH, _1=DRAIN))
    await site.check(down(), "10.1.0.1")
    assert site.lines == [f"Real server {NAMED} is down: connect refused"]
    assert site.weights == {ONE: 0, TWO: 1}
    assert await administer(site, {}) == {TWO: 1}
    await administer(site, entries(BOTH, _1=DRAIN))
    await site.check(up(), "10.1.0.1")
    assert await administer(site, {}) == {ONE: 1, TWO: 1}


async def test_the_fallback_enters_when_the_last_server_is_drained() -> None:
    events: list[Event] = []
    site = await both_up()
    site.director._listeners = [events.append]
    assert await administer(site, entries(BOTH, _1=DRAIN, _2=DISABLED)) == {ONE: 0, LAST: 1}
    assert [event.began for event in events if isinstance(event, Outage)] == [True]
    await site.check(down(), "10.1.0.1")
    await site.check(up(), "10.1.0.1")
    assert [event.began for event in events if isinstance(event, Outage)] == [True]
    assert await administer(site, entries(BOTH, _1=DRAIN)) == {ONE: 0, TWO: 1}
    assert [event.began for event in events if isinstance(event, Outage)] == [True, False]


async def test_weight_and_removal_by_hand_are_drift() -> None:
    site = await both_up()
    await site.somebody(Op(Verb.EDIT, destination(WEB, ONE, 7)))
    assert site.weights == {ONE: 7, TWO: 1}
    assert await administer(site, entries(BOTH, _1=DRAIN)) == {ONE: 0, TWO: 1}
    await site.somebody(Op(Verb.EDIT, destination(WEB, ONE, 3)))
    assert site.lines[0] == f"Somebody changed real server: {ONE} ({WEB}), setting it back"
    assert site.weights == {ONE: 0, TWO: 1}
    await site.somebody(Op(Verb.DELETE, destination(WEB, ONE, 0)))
    assert site.lines[0] == f"Somebody removed real server: {ONE} ({WEB}), adding it again"
    assert site.weights == {ONE: 0, TWO: 1}
    assert await administer(site, {}) == {ONE: 1, TWO: 1}


async def test_a_server_in_maintenance_stays_drained_before_and_after() -> None:
    site = await both_up()
    await administer(site, entries(BOTH, _1=DRAIN))
    key = next(real.key for real in site.director.compiled.reals() if str(real.real) == ONE)
    site.director.set_maintenance({key})
    await site.director.reconcile()
    assert site.weights == {ONE: 0, TWO: 1}
    assert await administer(site, {}) == {TWO: 1}
    await administer(site, entries(BOTH, _1=DISABLED))
    site.director.set_maintenance(frozenset())
    await site.director.reconcile()
    assert site.weights == {TWO: 1}
    assert await administer(site, {}) == {ONE: 1, TWO: 1}


async def test_it_is_kept_over_a_reload_and_a_restart() -> None:
    site = await both_up()
    held = entries(BOTH, _1=DRAIN)
    await administer(site, held)
    await site.reload(replace(BOTH, scheduler="rr", reals=(real(ONE, weight=5), *BOTH.reals[1:])))
    assert site.weights == {ONE: 0, TWO: 1}
    site.kernel.written.clear()
    after = Site(site.kernel, config(BOTH))
    after.director.set_administration(held)
    assert after.lines == []
    await after.director.start()
    await after.check(up())
    assert after.weights == {ONE: 0, TWO: 1}
    rows = [op.row for op in after.kernel.written if isinstance(op.row, Destination)]
    assert not [row for row in rows if row.weight and row.key.endpoint == ONE]


async def test_it_gets_no_weight_at_a_start_whatever_the_kernel_has() -> None:
    before = await both_up()
    after = Site(before.kernel, config(BOTH))
    after.director.set_administration(entries(BOTH, _1=DRAIN, _2=DISABLED))
    await after.director.start()
    assert after.weights == {ONE: 0, LAST: 1}


async def test_a_name_that_moves_stays_drained_and_so_does_its_old_row() -> None:
    site = virtual(WEB, real(ONE, name="web1"), TWO)
    running = await both_up(site)
    await administer(running, entries(site, _1=DRAIN))
    running.kernel.connected = {key: 1 for key in running.kernel.table if isinstance(key, DestinationKey)}
    await running.reload(virtual(WEB, real("10.1.0.9:80", name="web1"), TWO))
    await running.check(up())
    assert running.weights == {"10.1.0.9:80": 0, ONE: 0, TWO: 1}


async def test_a_reload_that_moves_a_drained_server_is_no_end_of_an_outage() -> None:
    events: list[Event] = []
    site = virtual(WEB, real(ONE, name="web1"), fallback=fallback(LAST))
    running = await both_up(site)
    await administer(running, entries(site, _1=DRAIN))
    running.director._listeners = [events.append]
    await running.reload(virtual(WEB, real("10.1.0.9:80", name="web1"), fallback=fallback(LAST)))
    await running.check(up())
    assert running.weights == {"10.1.0.9:80": 0, ONE: 0, LAST: 1}
    assert not [event for event in events if isinstance(event, Outage)]


@pytest.mark.parametrize("quiescent", [False, True])
async def test_a_drained_server_that_leaves_the_file_stays_until_its_connections_have_ended(
    monkeypatch: pytest.MonkeyPatch, quiescent: bool
) -> None:
    loop, seconds = asyncio.get_running_loop(), 0.0
    began = loop.time()
    monkeypatch.setattr(loop, "time", lambda: began + seconds)
    site = await both_up(replace(BOTH, quiescent=quiescent))
    await administer(site, entries(BOTH, _1=DRAIN))
    key = next(real.key for real in site.director.compiled.reals() if str(real.real) == ONE)
    site.kernel.connected[key] = 1
    without = replace(BOTH, reals=BOTH.reals[1:], quiescent=quiescent)
    await site.reload(without)
    await site.reload(replace(without, scheduler="rr"))
    assert (site.weights, list(site.director.sync.left)) == ({ONE: 0, TWO: 1}, [key])
    seconds = MAX_DRAINED_TIME - 1
    await site.director.reconcile()
    assert site.weights == {ONE: 0, TWO: 1}
    site.kernel.connected[key] = 0
    seconds += COUNT_INTERVAL
    await site.director.reconcile()
    assert (site.weights, list(site.director.sync.left)) == ({TWO: 1}, [])


async def test_changes_of_the_reason_are_published_once() -> None:
    site = await both_up()
    held = entries(BOTH, _1=DRAIN)
    await administer(site, held)
    await administer(site, held)
    assert site.lines == []
    await administer(site, {key: replace(entry, absent=5.0) for key, entry in held.items()})
    assert site.lines == []
    await administer(site, {key: replace(entry, decision=BOB) for key, entry in held.items()})
    assert site.lines == [f"Real server {NAMED} is drained by bob"]


async def test_who_makes_a_server_ready_is_named_for_those_that_are_ready_and_no_others() -> None:
    site = await both_up()
    await administer(site, entries(BOTH, _1=DRAIN))
    events: list[Event] = []
    site.director._listeners = [events.append]
    await administer(site, entries(BOTH, _2=DRAIN), BOB)
    named = {str(event.real): event.by for event in events if isinstance(event, Administered)}
    assert named == {ONE: BOB, TWO: None}
