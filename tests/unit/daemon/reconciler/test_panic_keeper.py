"""Servers that panic keeps in, as a director directs them on a kernel in memory."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders import KINDS, config, down, fallback, real, up, virtual
from harness.director_site import WEB, Site, administer, destination, started
from harness.later_calls import LaterCalls
from ldirectord_py.administration import AdministrativeState
from ldirectord_py.config.model import Virtual
from ldirectord_py.daemon.reconciler.compiled_config import compile_config
from ldirectord_py.daemon.reconciler.health_table import HealthTable
from ldirectord_py.daemon.reconciler.panic_keeper import PanicKeeper
from ldirectord_py.damping import KeptState
from ldirectord_py.health import HealthState, Transition
from ldirectord_py.ipvs.diff import Op, Verb
from ldirectord_py.ipvs.table import Destination
from ldirectord_py.report.events import Checked, Event, Outage, Panic

ADDRESSES = [f"10.1.0.{number}" for number in range(1, 5)]
_STAY = "those that go down stay in until enough are up again"
BEGAN = f"Panic: only 1 of 4 real servers of tcp:10.0.0.1:80 would stay in; {_STAY}"
OVER = "The panic of tcp:10.0.0.1:80 is over, 2 of 4 real servers are up: those that fail again go out"


def web(*servers: str, **directives: Any) -> Virtual:
    reals = [f"{address}:80" for address in servers or ADDRESSES]
    return virtual(WEB, *reals, **{"panic": 50, "fallback": fallback("127.0.0.1:80"), **directives})


async def all_up(*virtuals: Virtual) -> Site:
    site = await started(*(virtuals or (web(),)))
    site.director.tracker.panics._call_later = LaterCalls()
    await site.check(up())
    return site


def calm(site: Site, seconds: float = 60) -> None:
    """Let time pass in which no server comes or goes."""
    later = site.director.tracker.panics._call_later
    assert isinstance(later, LaterCalls)
    later.let_pass(seconds)


def inside(site: Site) -> list[str]:
    """Return the last numbers of the servers with weight."""
    return sorted(server.split(":")[0].split(".")[3] for server, weight in site.weights.items() if weight)


def panics(site: Site) -> list[str]:
    return [line for line in site.lines if "panic" in line.lower()]


async def test_the_last_good_set_stays_in_and_one_line_says_so_and_one_that_it_is_over() -> None:
    site = await all_up()
    await site.check(down(), *ADDRESSES[:2])
    assert (inside(site), panics(site)) == (["3", "4"], [])
    await site.check(down(), ADDRESSES[2])
    assert (inside(site), panics(site), site.kernel.written) == (["3", "4"], [BEGAN], [])
    assert site.lines[0] == "Real server 10.1.0.3:80 (tcp:10.0.0.1:80) is down: connect refused"
    for _ in range(3):
        await site.check(down(), *ADDRESSES)
    assert (inside(site), site.lines, site.kernel.written) == (["3", "4"], [], [])
    assert site.director.summary == "1 virtual server, 0 of 4 real servers up"
    await site.check(up(), ADDRESSES[0])
    assert (inside(site), panics(site)) == (["1", "3", "4"], [])
    await site.check(up(), ADDRESSES[3])
    assert (inside(site), panics(site)) == (["1", "3", "4"], [])
    assert site.lines[0] == "Real server 10.1.0.4:80 (tcp:10.0.0.1:80) is up: ok"
    calm(site, 59)
    assert panics(site) == []
    calm(site, 1)
    assert panics(site) == [OVER]
    await site.check(down(), ADDRESSES[2])
    assert (inside(site), site.lines) == (["1", "4"], ["Deleted real server: 10.1.0.3:80 (10.0.0.1:80)"])
    await site.check(up(), ADDRESSES[2])
    assert inside(site) == ["1", "3", "4"]


@pytest.mark.parametrize("quiescent", [False, True])
async def test_F10_all_fail_at_once_and_nothing_is_written_nor_while_they_recover(quiescent: bool) -> None:
    site = await all_up(web(panic=100, quiescent=quiescent))
    for _ in range(3):
        await site.check(down())
        assert (inside(site), site.kernel.written) == (["1", "2", "3", "4"], [])
    await site.check(up())
    assert (inside(site), site.kernel.written) == (["1", "2", "3", "4"], [])
    assert not any(isinstance(state, KeptState) for state in site.director.health.values())


async def test_F10_servers_that_are_not_checked_yet_stay_in_while_others_recover() -> None:
    site = await all_up()
    await site.check(down())
    for address in (*ADDRESSES[2:], *ADDRESSES[:2]):
        await site.check(up(), address)
        assert {"3", "4"} <= {*inside(site)}
    assert inside(site) == ["1", "2", "3", "4"]


async def test_off_is_what_it_was() -> None:
    site = await all_up(web(panic=None))
    await site.check(down())
    assert (inside(site), panics(site)) == (["1"], [])
    assert "127.0.0.1:80" in site.weights


async def test_there_is_no_outage_while_servers_are_kept_in() -> None:
    site, events = await all_up(), list[Any]()
    site.director._listeners = [events.append]
    await site.check(down())
    assert [event for event in events if isinstance(event, Outage)] == []
    assert "127.0.0.1:80" not in site.weights


async def test_a_server_that_was_out_before_stays_out() -> None:
    site = await all_up()
    await site.check(down(), *ADDRESSES[:2])
    await site.check(down())
    assert inside(site) == ["3", "4"]


async def test_successes_count_for_a_server_that_is_kept_in() -> None:
    site = await all_up(web(panic=100, successcount=2, failurecount=2))
    await site.check(up())
    for _ in range(2):
        await site.check(down(), ADDRESSES[0])
    assert len(panics(site)) == 1
    await site.check(up(), ADDRESSES[0])
    assert panics(site) == []
    await site.check(down(), ADDRESSES[0])
    for _ in range(2):
        await site.check(up(), ADDRESSES[0])
    calm(site)
    assert (len(panics(site)), site.kernel.written) == (1, [])


async def test_servers_of_weight_0_do_not_count() -> None:
    reals = [real("10.1.0.1:80"), real("10.1.0.2:80"), real("10.1.0.3:80", weight=0), real("10.1.0.4:80", weight=0)]
    site = await all_up(virtual(WEB, *reals, panic=50))
    await site.check(down(), ADDRESSES[0])
    assert (inside(site), panics(site)) == (["2"], [])
    await site.check(down(), ADDRESSES[1])
    assert (inside(site), len(panics(site))) == (["2"], 1)
    await site.check(down(), ADDRESSES[2])
    assert "10.1.0.3:80" not in site.weights


@pytest.mark.parametrize("state", [AdministrativeState.DRAIN, AdministrativeState.DISABLED])
async def test_drained_and_disabled_servers_do_not_count(state: AdministrativeState) -> None:
    site = await all_up()
    administer(site.director, {0: state, 1: state})
    await site.check(down(), ADDRESSES[2])
    assert (inside(site), panics(site)) == (["4"], [])
    await site.check(down(), ADDRESSES[3])
    assert (inside(site), len(panics(site))) == (["4"], 1)
    administer(site.director, {0: state})
    await site.director.reconcile()
    assert (inside(site), len(panics(site))) == (["2", "4"], 1)  # one of three
    administer(site.director, {})
    await site.director.reconcile()
    calm(site)
    assert (inside(site), len(panics(site))) == (["1", "2", "4"], 2)
    await site.check(down(), ADDRESSES[3])
    assert inside(site) == ["1", "2"]


async def test_an_operator_takes_out_a_server_that_is_kept_in() -> None:
    site = await all_up()
    await site.check(down())
    administer(site.director, {2: AdministrativeState.DISABLED})
    await site.director.reconcile()
    assert inside(site) == ["4"]
    site.director.set_maintenance({list(site.director.health)[3]})
    await site.director.reconcile()
    assert inside(site) == ["1"]  # the fallback
    assert "127.0.0.1:80" in site.weights


@pytest.mark.parametrize("state", [AdministrativeState.DRAIN, AdministrativeState.DISABLED])
async def test_a_server_that_goes_down_while_it_is_drained_does_not_come_in_when_it_is_ready(
    state: AdministrativeState,
) -> None:
    site = await all_up(web(panic=100))
    administer(site.director, {0: state})
    await site.check(down(), *ADDRESSES[:2])
    administer(site.director, {})
    await site.director.reconcile()
    assert inside(site) == ["2", "3", "4"]
    await site.check(up(), *ADDRESSES[:2])
    assert inside(site) == ["1", "2", "3", "4"]


async def test_a_server_that_is_kept_in_and_then_drained_is_kept_in_no_more() -> None:
    site = await all_up()
    await site.check(down())
    assert inside(site) == ["3", "4"]
    administer(site.director, {2: AdministrativeState.DRAIN})
    await site.check(down())
    administer(site.director, {})
    await site.director.reconcile()
    assert inside(site) == ["4"]


async def test_a_reload_keeps_the_servers_that_are_kept_in() -> None:
    site = await all_up()
    await site.check(down())
    await site.reload(web(scheduler="rr"))
    assert (inside(site), panics(site)) == (["3", "4"], [])
    await site.reload(web(*ADDRESSES[:3], scheduler="rr"))
    assert inside(site) == ["3"]
    await site.reload(web(*ADDRESSES[:3], scheduler="rr", panic=None))
    assert (inside(site), len(panics(site))) == (["3"], 1)
    await site.check(down())
    assert "127.0.0.1:80" in site.weights


async def test_a_virtual_that_leaves_takes_its_panic_along() -> None:
    site = await all_up()
    await site.check(down())
    await site.reload()
    assert (site.weights, site.director.tracker.panics.kept) == ({}, 0)


async def test_each_virtual_of_the_same_servers_has_its_own_panic() -> None:
    other = virtual("10.0.0.2:80", *(f"{address}:80" for address in ADDRESSES), panic=None)
    site = await all_up(web(), other)
    await site.check(down())
    by_virtual = {row.key.service.endpoint for row in site.kernel.table.values() if isinstance(row, Destination)}  # type: ignore[union-attr]
    assert by_virtual == {WEB}
    assert len(panics(site)) == 1


async def test_a_start_with_all_servers_down_keeps_what_the_kernel_has() -> None:
    first = await all_up()
    rows = [row for row in first.kernel.table.values() if "10.9.9.9" not in str(row.key)]
    site = await started(web(), kernel=rows)
    await site.check(down())
    assert inside(site) == ["3", "4"]


steps = st.lists(st.tuples(st.integers(0, 3), st.booleans()), max_size=40)


@given(steps=steps, panic=st.integers(1, 100), fall=st.integers(1, 2), rise=st.integers(1, 2))
def test_no_set_is_smaller_than_the_share_and_every_panic_ends(
    steps: list[tuple[int, bool]], panic: int, fall: int, rise: int
) -> None:
    async def play() -> None:
        site = await started(web(panic=panic, failurecount=fall, successcount=rise))
        site.director.tracker.panics._call_later = LaterCalls()
        for _ in range(2):
            await site.check(up())
        told = list[bool]()
        site.director._listeners = [lambda event: told.append(event.began) if isinstance(event, Panic) else None]
        for index, passed in steps:
            await site.check(up() if passed else down(), ADDRESSES[index])
            calm(site, 7)
            assert len(inside(site)) * 100 >= panic * 4
        for _ in range(2):
            await site.check(up())
        calm(site)
        assert len(inside(site)) == 4
        assert told == [index % 2 == 0 for index in range(len(told))]
        assert len(told) % 2 == 0
        assert site.director.tracker.panics.kept == 0

    asyncio.run(play())


async def test_a_panic_that_was_over_begins_again_when_too_few_are_left_beside_those_that_are_still_kept_in() -> None:
    site = await all_up()
    await site.check(down(), *ADDRESSES[:3])
    await site.check(up(), ADDRESSES[0])
    calm(site)
    assert panics(site) == [OVER]
    site.lines.clear()
    administer(site.director, {0: AdministrativeState.DRAIN})
    await site.director.reconcile()
    assert panics(site) == [BEGAN.replace("of 4", "of 3")]


async def test_a_server_that_is_kept_in_when_its_weight_becomes_0_counts_once() -> None:
    three = web(*ADDRESSES[:3], panic=70)
    site = await all_up(three)
    await site.check(down(), ADDRESSES[0])
    assert len(panics(site)) == 1
    first, *others = three.reals
    await site.reload(replace(three, reals=(first._replace(weight=0), *others)))
    calm(site)
    assert panics(site) == [OVER.replace("2 of 4", "2 of 2")]


async def test_a_lone_server_that_comes_and_goes_is_one_panic() -> None:
    site, told = await all_up(web(ADDRESSES[0])), list[str]()
    for _ in range(10):
        for result in (down(), up()):
            await site.check(result)
            assert site.kernel.written == []
            calm(site, 30)
            told += panics(site)
    assert told == [BEGAN.replace("1 of 4 real servers", "0 of 1 real server")]
    site.lines.clear()
    calm(site, 30)
    assert panics(site) == [OVER.replace("2 of 4 real servers are", "1 of 1 real server is")]
    await site.check(down())
    assert len(panics(site)) == 1


async def test_servers_that_are_checked_seldom_are_calm_later() -> None:
    site = await all_up(web(ADDRESSES[0], checkinterval=100, failurecount=2))
    for result in (down(), down(), up()):
        await site.check(result)
    calm(site, 299)
    assert panics(site) == []
    calm(site, 1)
    assert len(panics(site)) == 1


async def test_what_leaves_while_it_is_calm_is_told_no_more() -> None:
    site = await all_up()
    await site.check(down())
    await site.check(up())
    await site.reload(virtual("10.0.0.2:80", f"{ADDRESSES[0]}:80"))
    calm(site)
    assert panics(site) == []


async def test_a_weight_set_by_hand_on_a_server_that_is_kept_in_stays_until_it_is_up_again() -> None:
    site, server = await all_up(web(panic=100)), f"{ADDRESSES[0]}:80"
    await site.somebody(Op(Verb.EDIT, destination(WEB, server, 7)))
    await site.check(down(), ADDRESSES[0])
    assert (site.weights[server], site.kernel.written) == (7, [])
    await site.somebody(Op(Verb.EDIT, destination(WEB, server, 5)))
    await site.check(down(), ADDRESSES[0])
    assert (site.weights[server], site.kernel.written) == (5, [])
    await site.check(up(), ADDRESSES[0])
    assert site.weights[server] == 1
    assert site.lines[-1] == f"Restored real server: {server} ({WEB}) (Weight set to 1)"
    await site.check(up(), ADDRESSES[0])
    assert site.kernel.written == []


async def test_the_verdicts_in_a_row_of_a_kept_server_count_as_far_as_they_matter() -> None:
    site = await all_up(web(panic=100, failurecount=2, successcount=2))
    await site.check(up())
    panics_of, key = site.director.tracker.panics, destination(WEB, f"{ADDRESSES[0]}:80").key
    assert panics_of.verdicts_in_a_row == {}
    found = []
    for result in (down(), down(), down(), up(), down()):
        await site.check(result, ADDRESSES[0])
        found.append(dict(panics_of.verdicts_in_a_row))
    assert found == [{}, {key: (2, 0)}, {key: (2, 0)}, {key: (0, 1)}, {key: (1, 0)}]


async def test_servers_that_are_drained_are_not_counted_among_those_that_are_kept_in() -> None:
    site = await all_up(web(panic=100))
    await site.check(down())
    assert site.director.tracker.panics.kept == 4
    administer(site.director, {0: AdministrativeState.DRAIN})
    assert site.director.tracker.panics.kept == 3


def test_one_call_ends_a_panic_however_often_it_is_reviewed() -> None:
    compiled = compile_config(config(web(ADDRESSES[0])), KINDS)
    (server,) = compiled.reals()
    table, later, events = HealthTable(), LaterCalls(), list[Event]()
    table.replace_virtuals(compiled.virtuals, frozenset(), lambda keys: dict.fromkeys(keys, HealthState(failures=1)))
    keeper = PanicKeeper(table, events.append, later)
    assert keeper.is_needed(server)
    fall = Checked(
        server.key, server.virtual, server.real, Transition(HealthState(up=True), HealthState(failures=1)), ""
    )
    keeper.keep_in(server, fall)
    assert events == [fall, Panic(server.virtual, 0, 1)]
    table.set_state(server.key, HealthState(up=True))
    assert keeper.release(server.key) is fall
    for _ in range(2):
        keeper.review([server.key.service])
        assert len(later.calls) == 1
    later.let_pass(60)
    assert events[2:] == [Panic(server.virtual, 1, 1, began=False)]
