"""A whole daemon on a kernel in memory and real servers: how often it checks, and what it does while servers fail."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from harness.fakes.counted import checked, counted
from harness.running_daemon import RunningDaemon, running_daemon
from harness.waiting import until
from ldirectord_py import damping
from ldirectord_py.health import HealthState


async def test_a_server_is_checked_more_often_while_its_verdict_is_not_settled_and_while_it_is_down(
    tmp_path: Path,
) -> None:
    times = "checkinterval=600\nfastinterval=0.1\ndowninterval=0.2\nfailurecount=3\n"  # no wait here is so long
    async with counted() as server, running_daemon(tmp_path, f"{times}{checked(server)}", probing=True) as place:
        director = place.daemon.director
        (real,) = director.compiled.reals()
        await until(lambda: director.health[real.key].up)
        await server.close()
        (tmp_path / "web.cf").write_text(f"checktimeout=4\n{times}{checked(server)}")
        await place.ask("reload")  # another check is probed at once
        await until(lambda: not director.health[real.key].up)
        failed = results(place)
        await until(lambda: results(place) >= failed + 3)
        await server.open()
        await until(lambda: director.health[real.key].up)
        assert await is_settled(place) or await is_settled(place)  # a busy host may stall once, and probe again


async def is_settled(place: RunningDaemon) -> bool:
    """Return whether no result comes for half a second."""
    before = results(place)
    await asyncio.sleep(0.5)
    return results(place) == before


def results(place: RunningDaemon) -> int:
    """Return how many results there were."""
    return sum(outcome.results for outcome in place.daemon.director.tracker.results.counters.outcomes())


@pytest.mark.slow
async def test_a_server_is_checked_ten_times_a_second(tmp_path: Path) -> None:
    loop = asyncio.get_running_loop()
    began = loop.time()
    async with counted() as server, running_daemon(tmp_path, f"checkinterval=0.1\n{checked(server)}", probing=True):
        await until(lambda: server.was_checked(11, within=1.1), 60)  # as soon as this host has a second for it
        assert len(server.times) <= 10 * (loop.time() - began) + 2


async def test_F8_a_server_that_flaps_stays_out_and_one_mail_says_so(tmp_path: Path) -> None:
    text = "checkinterval=0.1\nflapthreshold=4\nflapwindow=2\nlogfile=local0\n"
    async with (
        counted() as server,
        counted() as other,
        running_daemon(tmp_path, f"{text}{checked(server, other)}", probing=True) as place,
    ):
        director = place.daemon.director
        real, _ = director.compiled.reals()
        await until(lambda: all(state.up for state in director.health.values()))
        while not director.tracker.flaps.flapping:
            await server.close()
            await until(lambda: not director.health[real.key].up)
            await server.open()
            await until(lambda: director.health[real.key].up or bool(director.tracker.flaps.flapping))
        held = asyncio.get_running_loop().time()
        (shown,) = (each for each in (await place.ask("show"))["virtuals"][0]["reals"] if each["observed"]["flapping"])
        assert (shown["real"], shown["trouble"][:2]) == (str(real.real), ["down", "flapping"])
        assert (await place.ask("counters"))["flaps"] == 1
        await until(lambda: director.health[real.key].up)
        assert asyncio.get_running_loop().time() - held > 1.9
        named = [event["event"] for event in (await place.ask("events"))["events"]]
        assert (named.count("server-flapping"), named.count("server-steady")) == (1, 1)


async def test_F10_the_last_good_set_stays_in_while_everything_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(damping, "MIN_CALM_TIME", 0.3)
    async with (
        counted() as server,
        counted() as other,
        running_daemon(tmp_path, f"checkinterval=0.1\npanic=50\n{checked(server, other)}", probing=True) as place,
    ):
        director, health = place.daemon.director, place.daemon.director.tracker.table.health
        await until(lambda: all(state.up for state in health.values()))
        await server.close()
        await other.close()
        await until(lambda: director.tracker.panics.kept == 1)
        (virtual,) = (await place.ask("show"))["virtuals"]
        assert (virtual["up"], virtual["trouble"]) == (0, ["panic"])
        assert sorted(real["kernel"] is not None for real in virtual["reals"]) == [False, True]
        assert sorted(real["trouble"] for real in virtual["reals"]) == [["down"], ["down", "kept"]]
        await server.open()
        await other.open()
        await until(lambda: all(type(state) is HealthState and state.up for state in health.values()))
        await until(lambda: not director.tracker.panics._panicking)
        named = [event["event"] for event in (await place.ask("events"))["events"]]
        outages = named.count("outage-began")  # one, that of the start
        assert (named.count("panic-began"), named.count("panic-over"), outages) == (1, 1, 1)


async def test_F10_all_servers_fail_and_one_event_says_whose_fault_it_may_be(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        servers = [await stack.enter_async_context(counted(f"127.0.1.{number}")) for number in range(1, 7)]
        text = f"checkinterval=0.2\nchecktimeout=1\n{checked(*servers)}"
        place = await stack.enter_async_context(running_daemon(tmp_path, text, probing=True))
        health = place.daemon.director.health
        await until(lambda: all(state.up for state in health.values()))
        for server in servers:
            await server.close()
        await until(lambda: not any(state.up for state in health.values()))
        for server in servers:
            await server.open()
        await until(lambda: all(state.up for state in health.values()))
        await asyncio.sleep(1)
        named = [event["event"] for event in (await place.ask("events"))["events"]]
        assert (named.count("self-doubt-began"), named.count("self-doubt-over")) == (1, 1)
        assert (await place.ask("counters"))["self_doubts"] == 1
