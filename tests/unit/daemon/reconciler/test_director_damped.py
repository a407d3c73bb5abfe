"""Servers that flap, panic, drain and are in maintenance, in drawn mixes and through reloads: what always holds."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from builders import down, fallback, unjudged, up, virtual
from harness.director_site import WEB, Site, destination, started
from harness.later_calls import LaterCalls
from ldirectord_py.administration import AdministrativeState, Decision, by_identity, entry_of
from ldirectord_py.config.model import Virtual
from ldirectord_py.damping import FlappingState, KeptState
from ldirectord_py.ipvs.table import Destination, DestinationKey, ServiceKey
from ldirectord_py.report.events import Event, Panic

ADDRESSES = [f"10.1.0.{number}" for number in range(1, 5)]
OTHER = "10.0.0.2:80"
WINDOW = 20
CALM = 60


class Mixed:
    """A director of one or two drawn virtuals, and the panics that it has told of."""

    def __init__(self, site: Site, chance: random.Random) -> None:
        self.site = site
        self.now = 0.0
        self.told: dict[ServiceKey, bool] = {}
        self._chance = chance
        self._later = site.director.tracker.panics._call_later = LaterCalls()
        site.director.tracker.flaps._clock = lambda: self.now
        site.director._listeners = [*site.director._listeners, self._listen]

    def _listen(self, event: Event) -> None:
        if isinstance(event, Panic):
            assert self.told.get(event.virtual.key, False) is not event.began
            self.told[event.virtual.key] = event.began

    def let_a_second_pass(self) -> None:
        self.now += 1
        self._later.let_pass(1)

    async def step(self) -> None:
        self.let_a_second_pass()
        match self._chance.randrange(20):
            case 0 | 1:
                await self.site.reload(*virtuals(self._chance))
                left = self.told.keys() - self.site.director.tracker.table.virtuals.keys()
                self.told = {key: told for key, told in self.told.items() if key not in left}
            case 2:
                self._drain()
            case 3:
                self.site.director.set_maintenance(set(self._some()))
            case 4:
                await self.site.check(self._chance.choice((up(), down())))
            case _:
                result = self._chance.choice((up(), down(), down(), unjudged()))
                await self.site.check(result, self._chance.choice(ADDRESSES))
        await self.site.director.reconcile()

    def _some(self) -> list[DestinationKey]:
        keys = list(self.site.director.health)
        return self._chance.sample(keys, self._chance.randint(0, min(2, len(keys))))

    def _drain(self) -> None:
        state = self._chance.choice((AdministrativeState.DRAIN, AdministrativeState.DISABLED))
        reals = [self.site.director.compiled.real(key) for key in self._some()]
        entries = [entry_of(each.virtual, each.real, state, Decision("alice", 0.0)) for each in reals]
        self.site.director.set_administration(by_identity(entries))

    def check(self) -> None:
        """Compare kernel, states, flapping servers and panics with each other."""
        tracker = self.site.director.tracker
        table, flapping = tracker.table, tracker.flaps.flapping
        kept = set(tracker.panics.verdicts_in_a_row)
        for service, compiled in table.virtuals.items():
            for key, real in compiled.reals.items():
                row, state = self.site.kernel.table.get(real.row), table.health[key]
                wanted = real.real.weight if state.up and key not in table.administration else 0
                assert (row.weight if isinstance(row, Destination) else 0) == wanted
                assert isinstance(state, KeptState) is (key in kept)
                assert isinstance(state, FlappingState) is (key in flapping and key not in kept)
            assert self.told.get(service, False) is (service in tracker.panics._panicking)


def virtuals(chance: random.Random) -> list[Virtual]:
    sites = [WEB, OTHER] if chance.random() < 0.8 else [WEB]
    return [drawn(chance, site) for site in sites]


def drawn(chance: random.Random, site: str) -> Virtual:
    servers = [f"{address}:80" for address in chance.sample(ADDRESSES, chance.randint(1, 4))]
    made = virtual(
        site,
        *servers,
        panic=chance.choice((None, 1, 50, 70, 100)),
        flapthreshold=chance.choice((None, 2, 3)),
        flapwindow=WINDOW,
        failurecount=chance.randint(1, 3),
        successcount=chance.randint(1, 2),
        quiescent=chance.random() < 0.5,
        fallback=fallback("127.0.0.1:80"),
    )
    return replace(made, reals=tuple(each._replace(weight=chance.choice((0, 1, 1, 1))) for each in made.reals))


@pytest.mark.parametrize("seed", range(12))
async def test_all_agree_at_each_step_and_all_come_in_again(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311
    place = Mixed(await started(*virtuals(chance)), chance)
    for _ in range(60):
        await place.step()
        place.check()
    director = place.site.director
    director.set_administration({})
    director.set_maintenance(set())
    for _ in range(2 * WINDOW + CALM):
        place.let_a_second_pass()
        await place.site.check(up())
    place.check()
    assert all(state.up for state in director.health.values())
    assert (len(director.tracker.flaps.flapping), director.tracker.panics.kept, any(place.told.values())) == (
        0,
        0,
        False,
    )


async def test_a_reload_in_panic_may_bring_a_server_in_maintenance_while_one_of_weight_0_leaves() -> None:
    reals, other = [f"{address}:80" for address in ADDRESSES[:3]], f"{ADDRESSES[3]}:80"
    made = virtual(WEB, *reals, panic=100)
    weightless = made.reals[2]._replace(weight=0)
    site = await started(replace(made, reals=(*made.reals[:2], weightless)), virtual(OTHER, other))
    await site.check(up())
    await site.check(down(), ADDRESSES[0])
    site.director.set_maintenance({destination(WEB, other).key})
    await site.reload(virtual(WEB, *reals[:2], other, panic=100), virtual(OTHER, other))
    assert {server.split(":")[0] for server, weight in site.weights.items() if weight} == {*ADDRESSES[:2], ADDRESSES[3]}
    assert not site.director.health[destination(WEB, other).key].up
