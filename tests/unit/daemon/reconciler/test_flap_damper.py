"""Servers that flap, as a director directs them: on a kernel in memory, with a clock that tests turn."""

from __future__ import annotations

from builders import down, fallback, up, virtual
from harness.director_site import WEB, Site, administer, destination, started
from harness.flapping_site import ONE, REALS, TWO, FlappingSite, web
from ldirectord_py.administration import AdministrativeState
from ldirectord_py.checks.base import Result
from ldirectord_py.config.model import CheckType, Virtual
from ldirectord_py.daemon.reconciler.flap_damper import FlapDamper
from ldirectord_py.daemon.reconciler.health_table import HealthTable
from ldirectord_py.damping import FlapHistory, FlappingState

FLAPS = "Real server 10.1.0.1:80 (tcp:10.0.0.1:80) flaps, 4 changes in 60 s: it stays out until it was good for 60 s, "
STEADY = "Real server 10.1.0.1:80 (tcp:10.0.0.1:80) flaps no more"


class Damped(FlappingSite):
    """A director of two servers, and all that it logs."""

    def __init__(self, site: Site) -> None:
        super().__init__(site, 0.0)
        self.lines: list[str] = []
        site.director.tracker.flaps._clock = lambda: self.now

    async def check(self, result: Result, *servers: str) -> None:
        await super().check(result, *servers)
        self.lines += self.site.lines


async def damped(*virtuals: Virtual) -> Damped:
    place = Damped(await started(*(virtuals or (web(),))))
    await place.check(up())
    return place


async def test_a_server_that_flaps_stays_out_until_it_was_good_for_a_whole_window_and_this_is_told_once() -> None:
    place = await damped()
    await place.flap(ONE, 40)
    assert place.inside == {TWO}
    assert [line for line in place.lines if " flaps" in line] == [f"{FLAPS}unless no other server is up"]
    assert sum(" is up: " in line and ONE in line for line in place.lines) == 2
    assert sum(" is down: " in line and ONE in line for line in place.lines) == 2
    for _ in range(59):
        await place.check(up(), ONE)
        assert place.inside == {TWO}
    place.lines.clear()
    await place.check(up(), ONE)
    assert place.inside == {ONE, TWO}
    assert place.lines == [
        "Real server 10.1.0.1:80 (tcp:10.0.0.1:80) is up: ok",
        STEADY,
        "Added real server: 10.1.0.1:80 (10.0.0.1:80) (Weight set to 1)",
    ]
    await place.flap(ONE, 1)
    assert place.inside == {TWO}


async def test_a_server_that_begins_to_flap_when_it_goes_down_is_told_of_both() -> None:
    place = await damped(web(flapthreshold=3, quiescent=True))
    await place.flap(ONE, 3)
    assert [line.partition(":80")[0] for line in place.site.lines[:2]] == ["Real server 10.1.0.1"] * 2
    assert " is down: " in place.site.lines[0]
    assert " flaps, 3 changes" in place.site.lines[1]
    assert place.site.weights == {f"{ONE}:80": 0, f"{TWO}:80": 1}


async def test_without_a_threshold_nothing_is_held_back() -> None:
    place = await damped(web(flapthreshold=None))
    await place.flap(ONE, 20)
    assert place.inside == {ONE, TWO}


async def test_changes_that_are_further_apart_are_no_flapping() -> None:
    place = await damped()
    for each in range(20):
        await place.check(up() if each % 2 else down(), ONE)
        place.now += 20
    assert (place.inside, place.flapping) == ({ONE, TWO}, 0)


async def test_the_last_server_is_not_held_back() -> None:
    place = await damped(web(fallback=fallback("127.0.0.1:80")))
    await place.check(down(), TWO)
    await place.flap(ONE, 8)
    assert (place.inside, place.flapping) == ({ONE}, 1)
    await place.check(down(), ONE)
    assert place.inside == {"127.0.0.1"}
    await place.check(up(), ONE)
    assert place.inside == {ONE}
    await place.check(up(), TWO)
    assert place.inside == {ONE, TWO}


async def test_servers_that_flap_come_in_when_the_last_other_one_goes() -> None:
    place = await damped()
    await place.flap(ONE, 4)
    assert place.inside == {TWO}
    await place.check(down(), TWO)
    assert place.inside == {ONE}
    assert place.flapping == 1
    for _ in range(60):
        await place.check(up(), ONE)
    assert place.flapping == 0
    assert place.site.director.health[next(iter(place.site.director.health))].up


async def test_a_server_that_fails_does_not_come_in_for_want_of_others() -> None:
    place = await damped()
    await place.flap(ONE, 5)
    await place.check(down(), TWO)
    assert place.inside == set()


async def test_a_server_that_flaps_comes_in_when_the_others_are_drained() -> None:
    place = await damped()
    await place.flap(ONE, 4)
    director = place.site.director
    administer(director, {1: AdministrativeState.DRAIN})
    await director.reconcile()
    assert place.inside == {ONE}


async def test_maintenance_ends_it() -> None:
    place = await damped()
    await place.flap(ONE, 4)
    director, key = place.site.director, next(iter(place.site.director.health))
    director.set_maintenance({key})
    assert (place.flapping, type(director.health[key]).__name__) == (0, "HealthState")
    director.set_maintenance(set())
    await director.reconcile()
    assert place.inside == {ONE, TWO}


async def test_a_reload_keeps_what_flaps() -> None:
    place = await damped()
    await place.flap(ONE, 4)
    await place.site.reload(web(flapwindow=30, scheduler="rr"))
    assert (place.inside, place.flapping) == ({TWO}, 1)
    for _ in range(30):
        await place.check(up(), ONE)
    assert place.inside == {ONE, TWO}


async def test_a_reload_without_a_threshold_lets_good_servers_in() -> None:
    place = await damped()
    await place.flap(ONE, 4)
    await place.site.reload(web(flapthreshold=None))
    assert place.inside == {ONE, TWO}
    assert place.site.lines[:2] == ["Real server 10.1.0.1:80 (tcp:10.0.0.1:80) is up: ok", STEADY]
    assert not any(isinstance(state, FlappingState) for state in place.site.director.health.values())


async def test_a_reload_without_a_threshold_leaves_bad_servers_out() -> None:
    place = await damped()
    await place.flap(ONE, 5)
    await place.site.reload(web(flapthreshold=None))
    assert (place.inside, place.site.lines, place.flapping) == ({TWO}, [STEADY], 0)


async def test_servers_that_leave_or_need_no_check_are_forgotten() -> None:
    place = await damped()
    await place.flap(ONE, 4)
    await place.site.reload(web(checktype=CheckType.ON))
    assert (place.inside, place.flapping) == ({ONE, TWO}, 0)
    await place.site.reload(web())
    await place.flap(ONE, 4)
    await place.site.reload(virtual(WEB, f"{TWO}:80"))
    assert (place.inside, place.flapping) == ({TWO}, 0)


async def test_the_first_verdicts_of_a_start_are_no_changes() -> None:
    place = Damped(await started(web(flapthreshold=2)))
    await place.check(up())
    await place.check(down(), ONE)
    assert place.flapping == 0


async def test_a_server_that_flaps_and_was_kept_in_by_panic_comes_in_again_after_a_good_window() -> None:
    place = await damped(web(panic=50, flapthreshold=3))
    for result, server in ((down(), ONE), (up(), ONE), (down(), TWO), (down(), ONE)):
        await place.check(result, server)
    assert (place.inside, place.flapping) == ({ONE}, 1)  # it is kept in
    await place.check(up(), TWO)
    await place.check(down(), ONE)
    assert (place.inside, place.flapping) == ({TWO}, 1)
    for _ in range(61):
        await place.check(up(), ONE)
    assert (place.inside, place.flapping, place.site.lines[:2]) == (
        {ONE, TWO},
        0,
        ["Real server 10.1.0.1:80 (tcp:10.0.0.1:80) is up: ok", STEADY],
    )


async def test_a_server_that_comes_in_for_want_of_others_is_up_for_the_check_that_passed() -> None:
    place = await damped(web(flapthreshold=2, failurecount=2))
    for result, server in (
        (down(), ONE),
        (down(), ONE),
        (up(), ONE),
        (down("late"), ONE),
        (down(), TWO),
        (down(), TWO),
    ):
        await place.check(result, server)
    assert place.inside == {ONE}
    assert "Real server 10.1.0.1:80 (tcp:10.0.0.1:80) is up: ok" in place.site.lines


async def test_maintenance_is_no_change() -> None:
    place = await damped(web(flapthreshold=2))
    director, key = place.site.director, next(iter(place.site.director.health))
    for _ in range(2):
        director.set_maintenance({key})
        director.set_maintenance(set())
    await place.check(down(), ONE)
    assert place.flapping == 0


async def test_a_drained_server_is_not_let_in_while_another_one_is_up() -> None:
    place = await damped()
    director = place.site.director
    administer(director, {0: AdministrativeState.DRAIN})
    await place.flap(ONE, 4)
    director.set_administration({})
    await director.reconcile()
    assert (place.inside, place.flapping) == ({TWO}, 1)


async def test_the_end_is_told_of_a_server_that_needs_no_check_any_more() -> None:
    place = await damped()
    await place.flap(ONE, 4)
    await place.site.reload(web(checktype=CheckType.ON))
    assert (place.inside, place.flapping, STEADY in place.site.lines) == ({ONE, TWO}, 0, True)


async def test_a_history_that_is_restored_is_one_that_a_restart_has_to_know() -> None:
    flaps, changes = FlapDamper(HealthTable(), lambda _: False), list[str]()
    flaps.on_change = lambda: changes.append("changed")
    flaps.restore(destination(WEB, REALS[0]).key, FlapHistory((1.0,), flapping=True))
    assert changes == ["changed"]


async def test_the_fall_and_the_recovery_of_a_server_that_panic_keeps_in_are_changes() -> None:
    place = await damped(web(panic=100))
    await place.flap(ONE, 3)
    assert (place.inside, place.flapping) == ({ONE, TWO}, 0)
    place.lines.clear()
    await place.check(up(), ONE)
    assert (place.inside, place.flapping, place.site.kernel.written) == ({ONE, TWO}, 1, [])
    assert place.lines == [
        "Real server 10.1.0.1:80 (tcp:10.0.0.1:80) is up: ok",
        f"{FLAPS}unless no other server is up, or fewer than 100 % are (panic)",
    ]


async def test_one_that_panic_kept_in_and_that_flaps_by_its_recovery_stays_in_until_it_fails_beside_enough_others() -> (
    None
):
    place = await damped(web(panic=50))
    for result, server in (
        (down(), ONE),
        (up(), ONE),
        (down(), TWO),
        (down(), ONE),
        (up(), ONE),
        (up(), TWO),
    ):
        await place.check(result, server)
    assert (place.inside, place.flapping) == ({ONE, TWO}, 1)
    await place.check(down(), ONE)
    assert place.inside == {TWO}
    for _ in range(60):
        await place.check(up(), ONE)
        assert place.inside == {TWO}
    await place.check(up(), ONE)
    assert (place.inside, place.flapping) == ({ONE, TWO}, 0)


async def test_the_good_window_of_one_that_panic_keeps_in_begins_with_its_recovery() -> None:
    place = await damped(web(panic=100, flapthreshold=3, successcount=2))
    await place.check(up())
    for result in (down(), up(), up(), down(), up(), up()):
        await place.check(result, ONE)
    assert (place.inside, place.flapping) == ({ONE, TWO}, 1)
    for _ in range(59):
        await place.check(up(), ONE)
    assert place.flapping == 1
    await place.check(up(), ONE)
    assert (place.inside, place.flapping) == ({ONE, TWO}, 0)


async def test_one_that_begins_to_flap_as_it_passes_comes_in_while_panic_keeps_others_in() -> None:
    place = await damped(web(panic=50, flapthreshold=2))
    for result, server in ((down(), ONE), (down(), TWO), (up(), ONE)):
        await place.check(result, server)
    assert (place.inside, place.flapping) == ({ONE, TWO}, 1)
    await place.check(down(), TWO)
    assert place.inside == {ONE}


async def test_one_that_flaps_comes_in_when_it_passes_again_while_panic_keeps_others_in() -> None:
    place = await damped(web(panic=50, flapthreshold=2))
    for result, server in ((down(), ONE), (up(), ONE), (down(), ONE), (down(), TWO)):
        await place.check(result, server)
    assert (place.inside, place.flapping) == ({TWO}, 1)
    await place.check(up(), ONE)
    assert (place.inside, place.flapping) == ({ONE, TWO}, 1)
    await place.check(down(), TWO)
    assert place.inside == {ONE}
