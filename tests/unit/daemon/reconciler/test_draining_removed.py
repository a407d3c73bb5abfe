"""``drainremoved``: who leaves the file keeps its connections for a while, and is as before when it is back."""

from __future__ import annotations

import asyncio
import errno
from dataclasses import replace
from typing import Any

import pytest

from builders import config, down, fallback, real, up, virtual
from harness.director_site import FOREIGN, WEB, Site, administer, destination
from ldirectord_py.administration import AdministrativeState
from ldirectord_py.config.model import CheckType, Forward, Virtual
from ldirectord_py.daemon.reconciler.draining import COUNT_INTERVAL, DrainReason
from ldirectord_py.damping import FlappingState, KeptState
from ldirectord_py.desired import virtual_rows
from ldirectord_py.errors import KernelError
from ldirectord_py.ipvs.diff import Op, Verb
from ldirectord_py.ipvs.kernel import MemoryKernel
from ldirectord_py.ipvs.table import Row
from ldirectord_py.report.events import Checked, Event, Phase

ONE, TWO, THREE = "10.1.0.1:80", "10.1.0.2:80", "10.1.0.3:80"
SECONDS = 600


def web(*servers: Any, **directives: Any) -> Virtual:
    return virtual(WEB, *servers, **{"drainremoved": SECONDS, **directives})


BOTH, OTHER = web(ONE, TWO), web(TWO)
ELSEWHERE = virtual("10.0.0.2:80", drainremoved=SECONDS)
LEFT_ELSEWHERE = destination("10.0.0.2:80", THREE)


class Place:
    """A director on a kernel in memory that outlives it, and the clock of both."""

    def __init__(self, kernel: MemoryKernel, site: Virtual, monkeypatch: pytest.MonkeyPatch) -> None:
        loop = asyncio.get_running_loop()
        began, self.seconds = loop.time(), 0.0
        monkeypatch.setattr(loop, "time", lambda: began + self.seconds)
        self.kernel, self.site = kernel, Site(kernel, config(site))
        self.events: list[Event] = []
        self.site.director._listeners = [*self.site.director._listeners, self.events.append]

    def connect(self, server: str, count: int = 1) -> None:
        self.kernel.connected[destination(WEB, server).key] = count

    async def reload(self, site: Virtual) -> dict[str, int]:
        await self.site.reload(site)
        return self.site.weights

    async def after(self, seconds: float) -> dict[str, int]:
        """Let time pass, and what is due be done."""
        self.site.lines.clear()
        self.seconds += seconds
        await self.site.director.reconcile()
        return self.site.weights


async def started(monkeypatch: pytest.MonkeyPatch, site: Virtual = BOTH, *rows: Row) -> Place:
    place = Place(MemoryKernel([FOREIGN, *rows]), site, monkeypatch)
    await place.site.director.start()
    return place


async def both_up(monkeypatch: pytest.MonkeyPatch, site: Virtual = BOTH) -> Place:
    """Return a place of servers that are up, of which the first one has a connection."""
    place = await started(monkeypatch, site)
    await place.site.check(up())
    place.connect(ONE)
    return place


async def test_F29_it_stays_at_weight_0_until_its_connections_have_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    place = await both_up(monkeypatch)
    assert await place.reload(OTHER) == {ONE: 0, TWO: 1}
    assert place.site.lines == [f"Quiescent real server: {ONE} ({WEB}) (Weight set to 0)"]
    assert place.site.director.sync.leaving == {destination(WEB, ONE).key: DrainReason.REMOVED}
    assert await place.after(COUNT_INTERVAL) == {ONE: 0, TWO: 1}
    assert place.site.lines == []
    place.connect(ONE, 0)
    assert await place.after(COUNT_INTERVAL) == {TWO: 1}
    assert place.site.lines == [f"Purged real server (run): {ONE} ({WEB})"]
    assert place.site.director.sync.leaving == {}


@pytest.mark.parametrize("seconds", [0.5, 5, 11, 600])
async def test_F29_it_goes_with_its_connections_when_the_time_is_over(
    monkeypatch: pytest.MonkeyPatch, seconds: float
) -> None:
    place = await both_up(monkeypatch, web(ONE, TWO, drainremoved=seconds))
    await place.reload(web(TWO, drainremoved=seconds))
    assert place.site.director.sync.due - asyncio.get_running_loop().time() <= seconds
    assert await place.after(seconds - 0.1) == {ONE: 0, TWO: 1}
    assert place.site.director.sync.due - asyncio.get_running_loop().time() <= 0.11
    assert await place.after(0.1) == {TWO: 1}


async def test_a_row_that_the_kernel_refuses_is_not_counted_all_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    place = await both_up(monkeypatch, web(ONE, TWO, drainremoved=5))
    await place.reload(web(TWO, drainremoved=5))
    await place.kernel.apply([Op(Verb.DELETE, place.kernel.table[BOTH.key])])
    place.kernel.refusing = {BOTH.key: errno.ENOMEM}
    await place.after(5)
    await place.after(0)
    assert place.site.director.sync.due > asyncio.get_running_loop().time()
    place.kernel.refusing = {}
    await place.after(COUNT_INTERVAL)
    assert await place.after(COUNT_INTERVAL) == {TWO: 1}


async def test_without_the_directive_it_goes_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    place = await both_up(monkeypatch, web(ONE, TWO, drainremoved=0))
    assert await place.reload(web(TWO, drainremoved=0)) == {TWO: 1}


async def test_the_value_in_the_file_that_it_leaves_counts_and_0_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    place = await both_up(monkeypatch, web(ONE, TWO, drainremoved=0))
    assert await place.reload(OTHER) == {ONE: 0, TWO: 1}
    assert await place.reload(web(TWO, scheduler="rr", drainremoved=1)) == {ONE: 0, TWO: 1}
    assert await place.after(SECONDS - 1) == {ONE: 0, TWO: 1}
    assert await place.reload(web(TWO, drainremoved=0)) == {TWO: 1}


async def test_a_virtual_that_leaves_takes_it_along(monkeypatch: pytest.MonkeyPatch) -> None:
    place = await both_up(monkeypatch)
    await place.reload(OTHER)
    assert await place.reload(virtual("10.0.0.2:80", drainremoved=SECONDS)) == {}


async def test_a_stop_takes_it_along(monkeypatch: pytest.MonkeyPatch) -> None:
    place = await both_up(monkeypatch)
    await place.reload(OTHER)
    await place.site.director.stop()
    assert place.site.weights == {}


async def test_what_others_do_to_it_is_undone_and_a_row_that_they_remove_is_let_go(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    place = await both_up(monkeypatch)
    await place.reload(OTHER)
    await place.site.somebody(Op(Verb.EDIT, destination(WEB, ONE, 5)))
    assert (place.site.weights, [line for line in place.site.lines if "Somebody" in line]) == ({ONE: 0, TWO: 1}, [])
    await place.site.somebody(Op(Verb.DELETE, destination(WEB, ONE, 0)))
    assert (place.site.weights, place.site.lines) == ({TWO: 1}, [])


async def test_a_server_that_is_down_drains_if_it_has_a_row(monkeypatch: pytest.MonkeyPatch) -> None:
    place = await both_up(monkeypatch, replace(BOTH, quiescent=True))
    await place.site.check(down(), "10.1.0.1")
    assert await place.reload(replace(OTHER, quiescent=True)) == {ONE: 0, TWO: 1}
    assert await place.reload(replace(BOTH, quiescent=True)) == {ONE: 0, TWO: 1}
    place = await both_up(monkeypatch)
    await place.site.check(down(), "10.1.0.1")
    assert await place.reload(OTHER) == {TWO: 1}


async def test_the_last_server_drains_beside_the_fallback(monkeypatch: pytest.MonkeyPatch) -> None:
    last = fallback("127.0.0.1:80")
    place = await both_up(monkeypatch, web(ONE, fallback=last))
    assert await place.reload(web(fallback=last)) == {ONE: 0, "127.0.0.1:80": 1}
    assert await place.reload(web(ONE, fallback=last)) == {ONE: 1}


async def test_the_row_of_a_server_on_another_port_than_the_virtuals_drains(monkeypatch: pytest.MonkeyPatch) -> None:
    gate = real("10.1.0.1:8080", Forward.GATE)
    place = await both_up(monkeypatch, web(gate, TWO))
    assert place.site.weights == {ONE: 1, TWO: 1}
    assert await place.reload(OTHER) == {ONE: 0, TWO: 1}
    assert await place.reload(web(gate, TWO)) == {ONE: 1, TWO: 1}


async def test_the_old_address_of_a_name_drains_too(monkeypatch: pytest.MonkeyPatch) -> None:
    place = await both_up(monkeypatch, web(real(ONE, name="web1"), TWO))
    assert await place.reload(web(real(THREE, name="web1"), TWO)) == {ONE: 0, TWO: 1}
    assert await place.after(SECONDS) == {TWO: 1}


async def test_F29_a_server_that_is_back_is_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    counting = {"failurecount": 3, "successcount": 2}
    place = await both_up(monkeypatch, web(real(ONE, weight=7), TWO, **counting))
    await place.site.check(up())
    await place.site.check(down(), "10.1.0.1")
    key = destination(WEB, ONE).key
    before = place.site.director.health[key]
    assert (before.up, before.failures) == (True, 1)
    await place.reload(web(TWO, **counting))
    assert key not in place.site.director.health
    await place.reload(web(TWO, scheduler="rr", **counting))
    assert await place.reload(web(real(ONE, weight=7), TWO, **counting)) == {ONE: 7, TWO: 1}
    assert place.site.lines[-1] == f"Restored real server: {ONE} ({WEB}) (Weight set to 7)"
    assert place.site.director.health[key] == before
    await place.site.check(down(), "10.1.0.1")
    assert place.site.director.health[key].up
    await place.site.check(down(), "10.1.0.1")
    last = [event for event in place.events if isinstance(event, Checked)][-1]
    assert (last.transition.fell, last.phase) == (True, Phase.RUN)
    assert place.site.weights == {TWO: 1}


async def test_one_that_was_down_is_down_when_it_is_back(monkeypatch: pytest.MonkeyPatch) -> None:
    place = await both_up(monkeypatch, replace(BOTH, quiescent=True))
    await place.site.check(down(), "10.1.0.1")
    await place.reload(replace(OTHER, quiescent=True))
    assert await place.reload(replace(BOTH, quiescent=True)) == {ONE: 0, TWO: 1}
    assert place.site.director.health[destination(WEB, ONE).key].failures == 1


async def test_one_that_was_down_rises_slowly_after_it_is_back(monkeypatch: pytest.MonkeyPatch) -> None:
    rising: dict[str, Any] = {"slowstart": 90.0, "quiescent": True}
    one = real(ONE, weight=20)
    place = await both_up(monkeypatch, web(one, TWO, **rising))
    await place.site.check(down(), "10.1.0.1")
    assert await place.reload(web(TWO, **rising)) == {ONE: 0, TWO: 1}
    assert place.site.director.tracker.slow_starts.failed == set()
    assert await place.reload(web(one, TWO, **rising)) == {ONE: 0, TWO: 1}
    await place.site.check(up(), "10.1.0.1")
    assert place.site.weights == {ONE: 2, TWO: 1}
    assert await place.after(90) == {ONE: 20, TWO: 1}


async def test_a_changed_check_leaves_it_the_old_verdict_as_any_reload_does(monkeypatch: pytest.MonkeyPatch) -> None:
    place = await both_up(monkeypatch)
    await place.reload(OTHER)
    assert await place.reload(replace(BOTH, request="/other")) == {ONE: 1, TWO: 1}
    await place.site.check(down(), "10.1.0.1")
    assert place.site.weights == {TWO: 1}


async def test_one_that_is_back_too_late_enters_after_a_check(monkeypatch: pytest.MonkeyPatch) -> None:
    place = await both_up(monkeypatch)
    await place.reload(OTHER)
    place.connect(ONE, 0)
    await place.after(COUNT_INTERVAL)
    assert await place.reload(BOTH) == {TWO: 1}
    await place.site.check(up())
    assert place.site.weights == {ONE: 1, TWO: 1}


async def test_without_checks_it_is_up_when_it_is_back(monkeypatch: pytest.MonkeyPatch) -> None:
    place = await both_up(monkeypatch, replace(BOTH, checktype=CheckType.ON))
    assert await place.reload(replace(OTHER, checktype=CheckType.ON)) == {ONE: 0, TWO: 1}
    assert await place.reload(replace(BOTH, checktype=CheckType.ON)) == {ONE: 1, TWO: 1}


async def test_reloads_that_remove_it_and_add_it_again_leave_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    place = await both_up(monkeypatch)
    for _ in range(5):
        assert await place.reload(OTHER) == {ONE: 0, TWO: 1}
        assert await place.reload(BOTH) == {ONE: 1, TWO: 1}
    assert place.site.director.tracker.departed._servers == {}
    await place.reload(OTHER)
    place.connect(ONE, 0)
    await place.after(COUNT_INTERVAL)
    await place.reload(replace(OTHER, scheduler="rr"))
    assert place.site.director.tracker.departed._servers == {}


async def test_one_that_an_operator_drained_stays_drained(monkeypatch: pytest.MonkeyPatch) -> None:
    place = await both_up(monkeypatch)
    administer(place.site.director, {0: AdministrativeState.DRAIN})
    assert await place.reload(OTHER) == {ONE: 0, TWO: 1}
    assert place.site.director.sync.leaving == {destination(WEB, ONE).key: DrainReason.DRAINED}
    assert await place.after(SECONDS) == {ONE: 0, TWO: 1}
    assert await place.reload(BOTH) == {ONE: 0, TWO: 1}
    administer(place.site.director, {})
    assert await place.after(0) == {ONE: 1, TWO: 1}


async def test_one_that_flaps_is_not_let_in_by_leaving_and_coming_back(monkeypatch: pytest.MonkeyPatch) -> None:
    directives: dict[str, Any] = {"flapthreshold": 3, "quiescent": True}
    both, other = replace(BOTH, **directives), replace(OTHER, **directives)
    place = await both_up(monkeypatch, both)
    for each in (down(), up(), down(), up(), up()):
        await place.site.check(each, "10.1.0.1")
    flaps, key = place.site.director.tracker.flaps, destination(WEB, ONE).key
    assert place.site.weights == {ONE: 0, TWO: 1}
    await place.reload(other)
    assert not flaps.flapping
    await place.reload(both)
    await place.site.check(up())
    assert (place.site.weights, set(flaps.flapping)) == ({ONE: 0, TWO: 1}, {key})
    assert isinstance(place.site.director.health[key], FlappingState)
    await place.site.check(down(), "10.1.0.2")
    assert place.site.weights == {ONE: 1, TWO: 0}
    await place.reload(other)
    assert await place.reload(replace(both, flapthreshold=None)) == {ONE: 1, TWO: 0}
    assert not flaps.flapping


async def test_one_that_panic_keeps_in_is_in_when_it_is_back_and_can_be_kept_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    both, other = replace(BOTH, panic=100), replace(OTHER, panic=100)
    place = await both_up(monkeypatch, both)
    await place.site.check(down(), "10.1.0.1")
    key = destination(WEB, ONE).key
    assert isinstance(place.site.director.health[key], KeptState)
    await place.reload(other)
    assert await place.reload(both) == {ONE: 1, TWO: 1}
    assert place.site.director.tracker.panics.kept == 0
    await place.site.check(down(), "10.1.0.1")
    assert (place.site.weights, place.site.director.tracker.panics.kept) == ({ONE: 1, TWO: 1}, 1)


async def test_maintenance_counts_before_the_state_that_it_had(monkeypatch: pytest.MonkeyPatch) -> None:
    both = replace(BOTH, flapthreshold=2)
    place = await both_up(monkeypatch, both)
    for each in (down(), up(), up()):
        await place.site.check(each, "10.1.0.1")
    await place.site.check(down(), "10.1.0.2")
    assert place.site.weights == {ONE: 1}
    await place.reload(replace(OTHER, flapthreshold=2))
    place.site.director.set_maintenance({destination(WEB, ONE).key})
    assert await place.reload(both) == {}
    place.site.director.set_maintenance(frozenset())
    await place.site.check(up(), "10.1.0.1")
    assert place.site.weights == {ONE: 1}


async def test_a_start_drains_what_the_file_does_not_have(monkeypatch: pytest.MonkeyPatch) -> None:
    place = await both_up(monkeypatch)
    await place.reload(OTHER)
    await place.after(SECONDS - 1)
    after = Place(place.kernel, OTHER, monkeypatch)
    await after.site.director.start()
    assert after.site.weights == {ONE: 0, TWO: 1}
    assert await after.after(SECONDS - 1) == {ONE: 0, TWO: 1}
    assert await after.after(1) == {TWO: 1}


async def test_a_start_takes_weight_from_what_left_the_file_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    rows: list[Row] = [virtual_rows(BOTH).service, destination(WEB, ONE, 3), destination(WEB, TWO)]
    place = await started(monkeypatch, OTHER, *rows)
    place.connect(ONE)
    assert place.site.weights == {ONE: 0, TWO: 1}
    assert place.site.lines == [f"Quiescent real server: {ONE} ({WEB}) (Weight set to 0)"]
    assert await place.reload(BOTH) == {TWO: 1}
    await place.site.check(up())
    assert place.site.weights == {ONE: 1, TWO: 1}


async def test_a_start_without_the_directive_removes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    rows: list[Row] = [virtual_rows(BOTH).service, destination(WEB, ONE, 3), destination(WEB, TWO)]
    place = await started(monkeypatch, replace(OTHER, drainremoved=0), *rows)
    assert place.site.weights == {TWO: 1}


async def test_a_start_leaves_rows_that_may_belong_to_names_without_an_address(monkeypatch: pytest.MonkeyPatch) -> None:
    unresolved = (real("0.0.0.0:80", name="web1"), real("0.0.0.0:80", name="web2", request="/other"))
    rows: list[Row] = [virtual_rows(BOTH).service, destination(WEB, ONE, 3), destination(WEB, TWO)]
    place = await started(monkeypatch, replace(OTHER, unresolved=unresolved), *rows)
    assert place.site.weights == {ONE: 3, TWO: 1}


def found(server_weight: int = 3) -> list[Row]:
    """Return the rows that a virtual may have left in the kernel, one more than ``OTHER`` has."""
    return [virtual_rows(BOTH).service, destination(WEB, ONE, server_weight), destination(WEB, TWO)]


async def test_a_virtual_that_a_reload_adds_drains_what_the_kernel_has_of_it_as_at_a_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    place = await started(monkeypatch, ELSEWHERE, *found())
    place.connect(ONE)
    assert await place.reload(OTHER) == {ONE: 0, TWO: 1}
    assert sorted(place.site.lines) == [
        "Purged virtual server (reload): 10.0.0.2:80",
        f"Quiescent real server: {ONE} ({WEB}) (Weight set to 0)",
    ]
    assert place.site.director.sync.leaving == {destination(WEB, ONE).key: DrainReason.REMOVED}
    assert await place.after(SECONDS - 1) == {ONE: 0, TWO: 1}
    place.connect(ONE, 0)
    assert await place.after(COUNT_INTERVAL) == {TWO: 1}


@pytest.mark.parametrize("reloads", [1, 2])
async def test_a_virtual_that_a_reload_adds_while_the_kernel_is_out_of_reach_drains_once_it_is_read(
    monkeypatch: pytest.MonkeyPatch, reloads: int
) -> None:
    place = await started(monkeypatch, ELSEWHERE, *found())
    place.connect(ONE)
    place.kernel.broken = KernelError("out of reach")
    for _ in range(reloads):
        await place.reload(OTHER)
    place.kernel.broken = None
    await place.site.check(up())
    assert place.site.weights == {ONE: 0, TWO: 1}
    assert place.site.director.sync.leaving == {destination(WEB, ONE).key: DrainReason.REMOVED}
    place.connect(ONE, 0)
    assert await place.after(COUNT_INTERVAL) == {TWO: 1}
    await place.site.somebody(Op(Verb.ADD, destination(WEB, THREE)))
    assert place.site.weights == {TWO: 1}


async def test_a_virtual_that_was_left_to_others_and_is_back_without_a_server(monkeypatch: pytest.MonkeyPatch) -> None:
    place = await both_up(monkeypatch, replace(BOTH, cleanstop=False))
    assert await place.reload(ELSEWHERE) == {ONE: 1, TWO: 1}
    assert await place.reload(OTHER) == {ONE: 0, TWO: 1}


async def test_a_virtual_that_a_reload_adds_without_the_directive_removes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    place = await started(monkeypatch, ELSEWHERE, *found())
    assert await place.reload(replace(OTHER, drainremoved=0)) == {TWO: 1}


async def test_a_virtual_that_a_reload_adds_leaves_rows_of_names_without_an_address(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    unresolved = (real("0.0.0.0:80", name="web1"), real("0.0.0.0:80", name="web2", request="/other"))
    place = await started(monkeypatch, ELSEWHERE, *found())
    assert await place.reload(replace(OTHER, unresolved=unresolved)) == {ONE: 3, TWO: 1}


async def test_a_virtual_that_a_reload_adds_does_not_put_off_the_count_of_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    place = await started(monkeypatch, OTHER, *found(), virtual_rows(ELSEWHERE).service, LEFT_ELSEWHERE)
    due = place.site.director.sync.due
    await place.after(COUNT_INTERVAL / 2)
    await place.site.reload(OTHER, ELSEWHERE, reconcile=None)
    assert place.site.director.sync.leaving.keys() == {destination(WEB, ONE).key, LEFT_ELSEWHERE.key}
    assert place.site.director.sync.due == due


async def test_a_row_that_may_belong_to_a_new_name_without_an_address_keeps_its_weight_and_drains_if_it_does_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    unresolved = (real("0.0.0.0:80", name="web1"), real("0.0.0.0:80", name="web2", request="/other"))
    place = await both_up(monkeypatch)
    assert await place.reload(replace(OTHER, unresolved=unresolved)) == {ONE: 1, TWO: 1}
    assert place.site.director.sync.leaving == {}
    assert await place.reload(web(TWO, real(THREE, name="web1"))) == {ONE: 0, TWO: 1}
    assert place.site.director.sync.leaving == {destination(WEB, ONE).key: DrainReason.REMOVED}


async def test_such_a_row_is_its_server_again_when_the_name_has_its_address(monkeypatch: pytest.MonkeyPatch) -> None:
    unresolved = (real("0.0.0.0:80", name="web1"), real("0.0.0.0:80", name="web2", request="/other"))
    place = await both_up(monkeypatch)
    await place.reload(replace(OTHER, unresolved=unresolved))
    assert await place.reload(web(TWO, real(ONE, name="web1"))) == {ONE: 1, TWO: 1}
    assert place.site.kernel.written == []
