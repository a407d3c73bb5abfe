"""Servers that flap and pass come in where too few others are up: as many as are needed, and only such as serve."""

from __future__ import annotations

from typing import Any

import pytest

from builders import down, fallback, real, up, virtual
from harness.director_site import WEB, Site, administer, started
from harness.later_calls import LaterCalls
from ldirectord_py.administration import AdministrativeState

ADDRESSES = [f"10.1.0.{number}" for number in range(1, 5)]
READY, DRAIN, DISABLED = AdministrativeState


async def all_up(*weights: int, **directives: Any) -> Site:
    """Return a virtual whose servers flap when they have changed twice; ``weights``: by default four times 1."""
    reals = [
        real(f"{address}:80", weight=weight) for address, weight in zip(ADDRESSES, weights or (1,) * 4, strict=False)
    ]
    site = await started(
        virtual(
            WEB,
            *reals,
            **{"flapthreshold": 2, "flapwindow": 1000.0, "fallback": fallback("127.0.0.1:80"), **directives},
        )
    )
    site.director.tracker.panics._call_later = LaterCalls()
    await site.check(up())
    return site


async def flap(site: Site, *addresses: str) -> None:
    """Let servers flap that pass."""
    for address in addresses:
        for result in (down(), up()):
            await site.check(result, address)


def inside(site: Site) -> list[str]:
    """Return the last numbers of the servers with weight."""
    return sorted(server.split(":")[0].split(".")[3] for server, weight in site.weights.items() if weight)


def panics(site: Site) -> list[str]:
    return [line for line in site.lines if "panic" in line.lower()]


async def test_servers_that_flap_and_pass_come_in_before_panic() -> None:
    site = await all_up(panic=50)
    for result in (down(), up()):
        await site.check(result, ADDRESSES[0])
    assert inside(site) == ["2", "3", "4"]
    await site.check(down(), ADDRESSES[1])
    assert inside(site) == ["3", "4"]
    await site.check(down(), ADDRESSES[2])
    assert (inside(site), panics(site)) == (["1", "4"], [])
    await site.check(down(), ADDRESSES[3])
    assert (inside(site), len(panics(site))) == (["1", "4"], 1)
    await site.check(down(), ADDRESSES[0])
    assert inside(site) == ["1", "4"]
    await site.check(up())
    assert site.director.health[next(iter(site.director.health))].up


async def test_no_more_of_those_that_flap_come_in_than_panic_needs() -> None:
    site = await all_up(panic=50)
    for address in ADDRESSES[:2]:
        for result in (down(), up()):
            await site.check(result, address)
    assert inside(site) == ["3", "4"]
    await site.check(down(), ADDRESSES[2])
    assert (inside(site), panics(site)) == (["1", "4"], [])


@pytest.mark.parametrize("panic", [None, 1])
async def test_one_is_enough_where_no_other_is_up(panic: int | None) -> None:
    site = await all_up(1, 1, 1, panic=panic)
    await flap(site, *ADDRESSES[:2])
    await site.check(down(), ADDRESSES[2])
    assert inside(site) == ["1"]


async def test_one_is_enough_where_operators_have_taken_all_others() -> None:
    site = await all_up(1, 1, 1)
    await flap(site, *ADDRESSES[:2])
    administer(site.director, {2: DRAIN})
    await site.director.reconcile()
    assert inside(site) == ["1"]


@pytest.mark.parametrize("state", [DRAIN, DISABLED])
async def test_one_that_is_drained_or_disabled_does_not_come_in_and_is_out_when_it_is_ready_again(
    state: AdministrativeState,
) -> None:
    site = await all_up(panic=50, flapthreshold=3)
    for result in (down(), up(), down(), up()):
        await site.check(result, ADDRESSES[0])
    administer(site.director, {0: state})
    for result in (down(), up()):
        await site.check(result, *ADDRESSES[1:])
        await site.check(up(), ADDRESSES[0])
    administer(site.director, {})
    await site.director.reconcile()
    assert inside(site) == ["2", "3", "4"]


@pytest.mark.parametrize("panic", [None, 100])
async def test_one_of_weight_0_does_not_come_in(panic: int | None) -> None:
    site = await all_up(0, 1, panic=panic)
    await flap(site, ADDRESSES[0])
    await site.check(down(), ADDRESSES[1])
    await site.check(up(), ADDRESSES[0])
    first, second = site.director.health.values()
    assert (first.up, second.up) == (False, panic is not None)


async def test_a_failure_lets_nobody_in_though_the_server_is_still_up_by_its_checks() -> None:
    site = await all_up(panic=70, failurecount=2, flapthreshold=3)
    for result in (down(), down(), up(), down(), down(), up()):
        await site.check(result, ADDRESSES[0])
    administer(site.director, {3: DRAIN})
    await site.check(down(), ADDRESSES[0])
    assert (inside(site), [line for line in site.lines if "is up" in line]) == (["2", "3"], [])
    await site.check(up(), ADDRESSES[0])
    assert inside(site) == ["1", "2", "3"]
