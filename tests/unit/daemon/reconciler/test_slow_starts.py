"""Weights that rise after a recovery, on a kernel in memory, with a clock that tests turn."""

from __future__ import annotations

import asyncio
import math
import random
from dataclasses import replace
from typing import Any

import pytest

from builders import down, fallback, real, up, virtual
from harness.director_site import WEB, Site, administer, destination, started
from harness.waiting import until
from ldirectord_py.administration import AdministrativeState
from ldirectord_py.config.model import Forward, Virtual
from ldirectord_py.daemon.reconciler.slow_starts import SlowStarts
from ldirectord_py.desired import desired
from ldirectord_py.errors import KernelError
from ldirectord_py.ipvs.diff import Op, Verb
from ldirectord_py.ipvs.table import Destination
from ldirectord_py.report.events import Event, Written

ONE, TWO = "10.1.0.1", "10.1.0.2"
READY, DRAIN, DISABLED = AdministrativeState


class Rising:
    """A director whose weights rise, and their clock: a server of weight 20 needs 90 s, and has 2 more every 10 s."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.now = 1000.0
        self.written: list[Written] = []
        site.director.tracker.slow_starts._clock = lambda: self.now
        site.director._listeners = [*site.director._listeners, self._listen]

    def _listen(self, event: Event) -> None:
        if isinstance(event, Written):
            self.written.append(event)

    @property
    def slow_starts(self) -> SlowStarts:
        return self.site.director.tracker.slow_starts

    @property
    def weights(self) -> list[int]:
        """The weights that were written."""
        return [each.op.row.weight for each in self.written if isinstance(each.op.row, Destination)]

    def weight(self, address: str = ONE) -> int | None:
        return self.site.weights.get(f"{address}:80")

    async def after(self, seconds: float) -> int | None:
        """Let time pass, and what is due be done; return the weight of the first server."""
        self.now += seconds
        self.site.lines.clear()
        await self.site.director.reconcile()
        return self.weight()

    async def recover(self, *addresses: str) -> int | None:
        await self.site.check(down(), *(addresses or (ONE,)))
        await self.site.check(up(), *(addresses or (ONE,)))
        return self.weight()


def web(*, weight: int = 20, **directives: Any) -> Virtual:
    reals = (real(f"{ONE}:80", weight=weight), real(f"{TWO}:80", weight=weight))
    return virtual(WEB, *reals, **{"slowstart": 90.0, **directives})


async def rising(*virtuals: Virtual) -> Rising:
    place = Rising(await started(*(virtuals or (web(),))))
    await place.site.check(up())
    return place


@pytest.mark.parametrize("quiescent", [False, True])
async def test_after_a_recovery_the_weight_rises_in_ten_writes(quiescent: bool) -> None:
    place = await rising(web(quiescent=quiescent))
    await place.site.check(down(), ONE)
    place.written.clear()
    await place.site.check(up(), ONE)
    assert (place.weight(), place.weight(TWO)) == (2, 20)
    assert [await place.after(10) for _ in range(10)] == [4, 6, 8, 10, 12, 14, 16, 18, 20, 20]
    assert len(place.written) == 10
    assert place.slow_starts.tenths == {}
    assert place.slow_starts.due == math.inf


async def test_the_log_says_each_step_and_why() -> None:
    place = await rising()
    await place.recover()
    assert place.site.lines[-1] == "Added real server: 10.1.0.1:80 (10.0.0.1:80) (Weight set to 2)"
    await place.after(10)
    assert place.site.lines == ["Raised real server: 10.1.0.1:80 (10.0.0.1:80) (Weight set to 4)"]
    cause = place.written[-1].cause
    assert cause is not None
    assert (cause.reason, cause.transition.rose, place.written[-1].is_step) == ("ok", True, True)


async def test_off_is_what_it_was() -> None:
    place = await rising(web(slowstart=None))
    assert await place.recover() == 20
    assert place.site.lines[-1] == "Added real server: 10.1.0.1:80 (10.0.0.1:80) (Weight set to 20)"


async def test_a_server_of_weight_1_has_nothing_to_rise_and_one_of_weight_0_stays_there() -> None:
    for weight in (1, 0):
        place = await rising(web(weight=weight))
        assert await place.recover() == weight
        assert place.slow_starts.tenths == {}


async def test_a_small_weight_is_written_only_where_it_changes() -> None:
    place = await rising(web(weight=3))
    await place.site.check(down(), ONE)
    place.written.clear()
    await place.site.check(up(), ONE)
    assert [await place.after(10) for _ in range(9)] == [1, 1, 1, 1, 1, 2, 2, 2, 3]
    assert len(place.written) == 3


async def test_neither_a_start_nor_a_reload_begins_slowly() -> None:
    place = Rising(await started(web(successcount=2)))
    for _ in range(2):
        await place.site.check(up())
    assert (place.weight(), place.weight(TWO)) == (20, 20)
    three = replace(web(successcount=2), reals=(*web().reals, real("10.1.0.3:80", weight=20)))
    await place.site.reload(three)
    for _ in range(2):
        await place.site.check(up())
    assert place.weight("10.1.0.3") == 20


async def test_a_server_that_was_down_from_the_start_begins_slowly_when_it_comes() -> None:
    place = Rising(await started(web(successcount=2)))
    await place.site.check(down(), ONE)
    for _ in range(2):
        await place.site.check(up(), ONE)
    assert place.weight() == 2


async def test_a_server_that_fails_meanwhile_goes_out_at_once_and_begins_anew() -> None:
    place = await rising()
    await place.recover()
    assert await place.after(50) == 12
    await place.site.check(down(), ONE)
    assert place.weight() is None
    assert await place.after(10) is None
    await place.site.check(up(), ONE)
    assert place.weight() == 2


@pytest.mark.parametrize(("state", "weight"), [(DRAIN, 0), (DISABLED, None)])
async def test_a_server_that_is_drained_or_disabled_obeys_and_comes_back_as_far_as_it_would_be(
    state: AdministrativeState, weight: int | None
) -> None:
    place = await rising()
    await place.recover()
    administer(place.site.director, {0: state})
    assert await place.after(10) == weight
    assert await place.after(30) == weight
    administer(place.site.director, {})
    assert await place.after(0) == 10
    assert await place.after(50) == 20


async def test_an_operator_who_brings_a_server_back_begins_nothing() -> None:
    place = await rising()
    administer(place.site.director, {0: DRAIN})
    assert await place.after(1) == 0
    administer(place.site.director, {})
    assert await place.after(1) == 20


async def test_nor_does_the_end_of_a_maintenance() -> None:
    place = await rising(web(successcount=2))
    await place.site.check(up())
    key = destination(WEB, f"{ONE}:80").key
    await place.site.check(down(), ONE)
    place.site.director.set_maintenance({key})
    await place.site.check(up(), ONE)
    assert place.weight() is None
    place.site.director.set_maintenance(set())
    await place.site.check(up(), ONE)
    assert place.weight() == 20
    await place.site.check(down(), ONE)
    for _ in range(2):
        await place.site.check(up(), ONE)
    assert place.weight() == 2


async def test_a_reload_changes_the_weight_in_proportion_and_goes_on() -> None:
    place = await rising()
    await place.recover()
    assert await place.after(40) == 10
    await place.site.reload(web(weight=40))
    assert place.weight() == 20
    assert await place.after(10) == 24
    await place.site.reload(web(weight=40, slowstart=9.0))  # holds for the next recovery
    assert place.weight() == 24
    await place.site.reload(web(weight=40, slowstart=None))
    assert place.weight() == 40
    assert await place.after(10) == 40


async def test_a_server_that_leaves_is_forgotten() -> None:
    place = await rising()
    await place.recover()
    second = replace(web(), reals=web().reals[1:])
    await place.site.reload(second)
    assert (await place.after(10), place.slow_starts.tenths) == (None, {})
    await place.site.reload(web())
    await place.site.check(up())
    assert place.weight() == 20


async def test_a_weight_set_by_hand_meanwhile_stays_until_the_server_changes() -> None:
    place = await rising()
    await place.recover()
    await place.site.somebody(Op(Verb.EDIT, destination(WEB, f"{ONE}:80", 7)))
    assert place.site.lines == ["Somebody set the weight of real server: 10.1.0.1:80 (10.0.0.1:80) to 7, leaving it so"]
    assert [await place.after(30) for _ in range(4)] == [7, 7, 7, 7]
    assert await place.recover() == 2


async def test_a_weight_set_by_hand_as_a_step_is_due_stays_too() -> None:
    place = await rising()
    await place.recover()
    place.now += 10
    await place.site.somebody(Op(Verb.EDIT, destination(WEB, f"{ONE}:80", 7)))
    assert place.weight() == 7


async def test_a_row_removed_by_hand_comes_back_with_the_weight_that_it_has_now() -> None:
    place = await rising()
    await place.recover()
    assert await place.after(10) == 4
    await place.site.somebody(Op(Verb.DELETE, destination(WEB, f"{ONE}:80", 4)))
    assert place.weight() == 4


async def test_steps_that_could_not_be_written_are_written_later() -> None:
    place = await rising()
    await place.recover()
    place.site.kernel.broken = KernelError("out of reach")
    assert await place.after(10) == 2
    assert await place.after(10) == 2
    place.site.kernel.broken = None
    await place.site.director.reconcile(resync=True)
    assert place.weight() == 6


async def test_a_server_of_several_virtuals_rises_in_each() -> None:
    other = replace(web(slowstart=9.0), key=virtual("10.0.0.2:80").key)
    place = await rising(web(), other)
    await place.recover()

    def weights() -> list[int]:
        rows = place.site.kernel.table.values()
        return [row.weight for row in rows if isinstance(row, Destination) and str(row.key.address) == ONE]

    assert sorted(weights()) == [2, 2]
    await place.after(9)
    assert sorted(weights()) == [2, 20]


async def test_the_server_that_decides_about_a_shared_row_decides_about_its_weight() -> None:
    shared = (real(f"{ONE}:81", Forward.GATE, weight=20), real(f"{ONE}:82", Forward.GATE, weight=10))
    place = Rising(await started(virtual(WEB, *shared, slowstart=90.0)))
    first, second = place.site.director.compiled.plan
    for check in (first, second):
        place.site.director.observe(check, up())
    assert await place.after(0) == 20
    place.site.director.observe(first, down())
    assert await place.after(0) == 10
    place.site.director.observe(first, up())
    assert await place.after(0) == 2
    administer(place.site.director, {1: DRAIN})
    assert await place.after(10) == 4


async def test_a_server_that_panic_keeps_in_and_that_recovers_had_its_weight_all_the_time() -> None:
    place = await rising(web(panic=100))
    place.written.clear()
    assert await place.recover() == 20
    assert (place.written, place.slow_starts.tenths) == ([], {})


async def test_a_server_that_rises_and_is_the_last_one_is_no_outage() -> None:
    place = await rising(web(fallback=fallback("127.0.0.1:80")))
    await place.recover()
    await place.site.check(down(), TWO)
    assert place.site.weights == {f"{ONE}:80": 2}


async def test_servers_that_come_back_one_after_the_other_rise_together() -> None:
    place = await rising(web(slowstart=9.0))
    await place.recover(ONE)
    place.now += 1 / 64
    await place.recover(TWO)
    await place.after(1 - 1 / 64)
    assert (place.weight(), place.weight(TWO)) == (4, 2)
    assert (await place.after(1 / 64), place.weight(TWO)) == (4, 2)
    assert (await place.after(0.1), place.weight(TWO)) == (4, 4)
    assert place.slow_starts.due == pytest.approx(1002)


async def test_the_director_wakes_for_the_steps_by_itself() -> None:
    place = Rising(await started(web(slowstart=0.5), reconcile=None))
    place.slow_starts._clock = asyncio.get_running_loop().time
    await place.site.check(up())
    place.written.clear()
    task = asyncio.create_task(place.site.director.run())
    first = next(iter(place.site.director.compiled.plan))
    place.site.director.observe(first, down())
    place.site.director.observe(first, up())
    await until(lambda: len(place.weights) > 1 and place.weights[-1] == 20, 30)
    assert place.weights[0] < 20
    assert place.weights == sorted(set(place.weights))
    await place.site.director.stop()
    await asyncio.wait_for(task, 5)


@pytest.mark.parametrize("seed", range(10))
async def test_the_kernel_has_what_health_operators_and_ramps_ask_for_whatever_happens(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311
    place = await rising(drawn(chance))
    director = place.site.director
    for _ in range(80):
        place.now += chance.choice((0.0, 0.05, 1.0, 10.0, 40.0))
        match chance.randrange(12):
            case 0:
                await place.site.reload(drawn(chance))
            case 1:
                administer(director, {chance.randrange(2): chance.choice((DRAIN, DISABLED))})
            case 2:
                administer(director, {})
            case 3:
                director.set_maintenance(set(chance.sample(list(director.health), chance.randint(0, 1))))
            case _:
                await place.site.check(chance.choice((up(), down())), chance.choice((ONE, TWO)))
        await director.reconcile()
        tenths, administration = director.tracker.slow_starts.tenths, director.tracker.table.administration
        wanted = desired(director.compiled.config, director.health, {}, administration, tenths)
        held = {key: row for key, row in place.site.kernel.table.items() if key in wanted or "10.1.0" in repr(key)}
        assert held == wanted
        assert all(director.health[key].up for key in tenths)
    place.now += 1e6
    await director.reconcile()
    assert director.tracker.slow_starts.tenths == {}


def drawn(chance: random.Random) -> Virtual:
    return web(
        weight=chance.choice((0, 1, 3, 20)),
        slowstart=chance.choice((None, 0.1, 90.0, 90.0)),
        quiescent=chance.random() < 0.5,
        failurecount=chance.randint(1, 2),
        successcount=chance.randint(1, 2),
    )
