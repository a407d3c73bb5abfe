"""HealthTracker, without a kernel: which events each result gives, in their order, and which rows change with it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from builders import KINDS, config, down, service_key, unjudged, up, virtual
from harness.director_site import destination
from harness.later_calls import LaterCalls
from harness.waiting import until
from ldirectord_py.administration import AdministrativeState
from ldirectord_py.checks.base import Result
from ldirectord_py.checks.codes import ReasonCode
from ldirectord_py.compiled_real import CompiledReal
from ldirectord_py.config.model import CheckType, Virtual
from ldirectord_py.daemon.reconciler import panic_keeper
from ldirectord_py.daemon.reconciler.compiled_config import CompiledConfig, compile_config
from ldirectord_py.daemon.reconciler.health_tracker import IN_MAINTENANCE, HealthTracker
from ldirectord_py.damping import FlappingState, KeptState
from ldirectord_py.health import HealthState, Transition
from ldirectord_py.ipvs.table import DestinationKey, Key, Row, ServiceKey
from ldirectord_py.report.events import Checked, Event, Flapping, Outage, Panic, Phase, Probed, Unjudged

WEB, SHOP = "10.0.0.1:80", "10.0.0.2:80"
ONE, TWO, THREE = "10.1.0.1:80", "10.1.0.2:80", "10.1.0.3:80"
FIRST, SECOND, THIRD = (destination(WEB, each).key for each in (ONE, TWO, THREE))
KEY = FIRST.service
UP, DOWN = HealthState(up=True), HealthState()
FAILED, PASSED = HealthState(failures=1), HealthState(up=True, successes=1)


def web(*servers: str, **directives: Any) -> Virtual:
    return virtual(WEB, *servers, **directives)


class Place:
    """A tracker of these virtuals, the events that it publishes, and the changes that it tells of."""

    def __init__(self, *virtuals: Virtual, rows: Mapping[Key, Row] | None = None) -> None:
        self.events: list[Event] = []
        self.changed: list[tuple[DestinationKey, Checked]] = []
        self.rows = rows or {}
        self.tracker = HealthTracker(self.events.append, self._on_change)
        self.later = LaterCalls()
        self.tracker.panics._call_later = self.later
        self.compiled: CompiledConfig
        self.put_in_force(*virtuals, phase=Phase.START)

    def _on_change(self, real: CompiledReal, cause: Checked) -> None:
        self.changed.append((real.key, cause))

    def _rows_of(self, service: ServiceKey) -> Mapping[Key, Row]:
        return {
            key: row for key, row in self.rows.items() if isinstance(key, DestinationKey) and key.service == service
        }

    def put_in_force(self, *virtuals: Virtual, phase: Phase = Phase.RELOAD) -> list[Event]:
        self.compiled = compile_config(config(*virtuals), KINDS)
        self.clear()
        self.tracker.switch_config(self.compiled, phase, self._rows_of)
        self.tracker.publish_outages(self.compiled)
        return self.events

    def clear(self) -> None:
        self.events.clear()
        self.changed.clear()

    def check(self, result: Result, *servers: str) -> list[Event]:
        """Pass a result of the checks of these servers, of all without any; return the events."""
        self.clear()
        for check in self.compiled.plan:
            if not servers or f"{check.target.address}:{check.target.port}" in servers:
                self.tracker.observe(self.compiled, check, result)
        return list(self.events)

    def maintain(self, *keys: DestinationKey) -> list[Event]:
        self.clear()
        self.tracker.set_maintenance(self.compiled, frozenset(keys))
        return list(self.events)

    def health(self, key: DestinationKey) -> HealthState:
        return self.tracker.table.health[key]

    def checked(
        self, key: DestinationKey, before: HealthState, after: HealthState, result: Result, phase: Phase = Phase.RUN
    ) -> Checked:
        server = self.compiled.real(key)
        return Checked(
            server.key, server.virtual, server.real, Transition(before, after), result.reason, phase, result.code
        )


def running(*virtuals: Virtual) -> Place:
    """Return a place whose servers are up, and have had their first verdicts."""
    place = Place(*virtuals)
    place.check(up())
    return place


def test_the_first_verdict_has_the_phase_that_brought_the_server() -> None:
    place = Place(site := web(ONE, TWO))
    first = place.checked(FIRST, DOWN, PASSED, up(), Phase.START)
    assert place.check(up(), ONE) == [first, Outage(site, began=False)]
    assert place.changed == [(FIRST, first)]
    assert place.check(up(), ONE) == []
    assert place.check(down(), ONE) == [place.checked(FIRST, PASSED, FAILED, down()), Outage(site, began=True)]
    assert place.check(up("ok"), ONE)[0] == place.checked(FIRST, FAILED, PASSED, up())
    place.put_in_force(web(ONE, TWO, THREE))
    assert place.check(up(), TWO) == [place.checked(SECOND, DOWN, PASSED, up(), Phase.START)]
    assert place.check(up(), THREE) == [place.checked(THIRD, DOWN, PASSED, up(), Phase.RELOAD)]
    assert place.check(down(), THREE) == [place.checked(THIRD, PASSED, FAILED, down())]
    place.put_in_force(web(ONE))
    place.put_in_force(web(ONE, TWO))
    assert place.check(down(), TWO) == [place.checked(SECOND, DOWN, FAILED, down(), Phase.RELOAD)]


def test_only_who_comes_up_or_goes_down_changes_rows() -> None:
    place = running(web(ONE, TWO, failurecount=2))
    soft = HealthState(up=True, failures=1)
    assert place.check(down(), ONE) == [place.checked(FIRST, PASSED, soft, down())]
    assert place.changed == []
    (fall,) = place.check(down(), ONE)
    assert place.changed == [(FIRST, fall)]
    assert place.check(down(), ONE) == []


def test_a_check_that_is_not_in_force_is_ignored() -> None:
    place = running(web(ONE, TWO))
    former = place.compiled
    place.put_in_force(web(TWO))
    place.clear()
    for check in former.plan:
        place.tracker.observe(place.compiled, check, down())
    assert [event.real.server.packed[-1] for event in place.events if isinstance(event, Checked)] == [2]


async def test_a_result_that_judges_nothing_changes_nothing_and_is_told_once() -> None:
    place = running(web(ONE, TWO, monitorfile="/log"))
    first = next(iter(place.compiled.plan))
    assert place.check(unjudged(), ONE) == [Unjudged(first, "too many open files")]
    assert place.check(unjudged(), ONE) == []
    assert place.health(FIRST) == PASSED


def test_maintenance_takes_a_server_out_at_once_and_its_check_brings_it_back() -> None:
    place = running(site := web(ONE, TWO, failurecount=3, monitorfile="/log"))
    place.check(down(), TWO)
    server = place.compiled.real(FIRST)
    (event,) = place.maintain(FIRST)
    assert isinstance(event, Checked)
    assert (event.reason, event.code, event.transition) == (
        "Server in maintenance",
        ReasonCode.MAINT,
        Transition(PASSED, HealthState(failures=3)),
    )
    assert place.changed == [(FIRST, event)]
    assert place.check(down(), ONE) == [Probed(site, server.real, IN_MAINTENANCE)]
    assert place.health(FIRST) == HealthState(failures=3)
    place.check(up(), ONE)
    (event,) = place.maintain()
    assert event == place.checked(FIRST, DOWN, PASSED, up())
    assert place.health(SECOND) == HealthState(up=True, failures=1)
    assert place.tracker.maintained == frozenset()


def test_after_a_maintenance_a_failing_server_stays_out_and_one_without_a_result_waits() -> None:
    place = running(web(ONE, TWO, failurecount=2))
    place.maintain(FIRST)
    place.check(down(), ONE)
    assert place.maintain() == [place.checked(FIRST, DOWN, FAILED, down())]
    place = Place(site := web(ONE))
    assert place.maintain(FIRST) == [place.checked(FIRST, DOWN, FAILED, IN_MAINTENANCE, Phase.START)]
    assert (place.maintain(), place.health(FIRST)) == ([], DOWN)
    assert place.check(up())[1] == Outage(site, began=False)


def test_a_server_without_a_check_is_in_again_when_its_maintenance_ends() -> None:
    place = Place(site := web(ONE, successcount=3, checktype=CheckType.ON))
    event, outage = place.maintain(FIRST)
    assert isinstance(event, Checked)
    assert (event.phase, outage) == (Phase.RUN, Outage(site, began=True))
    event, outage = place.maintain()
    assert isinstance(event, Checked)
    assert (event.reason, event.code, event.transition.rose, outage) == (
        *("Server out of maintenance", ReasonCode.MAINT, True),
        Outage(site, began=False),
    )


def test_a_server_that_a_configuration_brings_while_it_is_in_maintenance_is_out() -> None:
    place = running(web(TWO, checktype=CheckType.ON))
    place.maintain(FIRST)
    place.put_in_force(web(ONE, TWO, checktype=CheckType.ON))
    assert [place.health(key).up for key in (FIRST, SECOND)] == [False, True]
    assert [event.reason for event in place.events if isinstance(event, Checked)] == ["Server in maintenance"]
    assert [event.phase for event in place.events if isinstance(event, Checked)] == [Phase.RUN]


def test_an_outage_is_told_once_with_its_command() -> None:
    plain, sorry = web(ONE, TWO), web(ONE, TWO, fallbackcommand="/sorry")
    place = Place(plain, virtual(SHOP, ONE))
    assert place.put_in_force(plain, virtual(SHOP, ONE)) == []
    assert place.put_in_force(sorry, virtual(SHOP, ONE)) == [Outage(sorry, began=True)]
    assert place.put_in_force(sorry) == []
    assert place.put_in_force(sorry, virtual(SHOP, ONE)) == [Outage(virtual(SHOP, ONE), began=True)]
    place.check(up())
    assert place.put_in_force(plain) == []


def test_outages_that_operators_begin_and_end_are_told_of_the_services_asked_for() -> None:
    place = running(site := web(ONE), shop := virtual(SHOP, ONE))
    place.clear()
    states = {FIRST: AdministrativeState.DRAIN, destination(SHOP, ONE).key: AdministrativeState.DRAIN}
    place.tracker.table.set_administration(states)
    place.tracker.publish_outages_of([KEY, KEY])
    assert place.events == [Outage(site, began=True)]
    place.tracker.publish_outages_of(iter([KEY, service_key(SHOP)]))
    assert place.events[1:] == [Outage(shop, began=True)]
    place.tracker.table.set_administration({})
    place.tracker.publish_outages_of([KEY])
    assert place.events[2:] == [Outage(site, began=False)]


def test_only_checks_that_take_a_server_down_make_its_return_a_recovery() -> None:
    place = running(web(ONE, TWO, failurecount=2, slowstart=9.0))
    failed = place.tracker.slow_starts.failed
    place.check(down(), ONE)
    assert failed == set()
    place.check(down(), ONE)
    assert failed == {FIRST}
    place.maintain(SECOND)
    assert failed == {FIRST}
    place.maintain(FIRST)
    place.check(up(), ONE)
    place.maintain()
    assert (failed, place.tracker.slow_starts.tenths) == (set(), {})


def test_the_last_result_of_a_check_is_the_first_verdict_of_a_server_of_another_virtual() -> None:
    place = running(web(ONE, TWO))
    place.check(down(), TWO)
    place.put_in_force(web(ONE, TWO), virtual(SHOP, ONE, TWO))
    assert [place.health(destination(SHOP, each).key).up for each in (ONE, TWO)] == [True, False]
    place.rows = {
        row.key: row for row in (destination("10.0.0.3:80", THREE, 1), destination("10.0.0.3:80", "10.1.0.4:80", 0))
    }
    place.put_in_force(web(ONE, TWO), virtual("10.0.0.3:80", THREE, "10.1.0.4:80"))
    assert [place.health(key).up for key in place.rows if isinstance(key, DestinationKey)] == [True, False]


def durations(place: Place) -> dict[ServiceKey, int]:
    """Return how many results that passed are counted in each virtual."""
    return {key: sum(counts) for key, counts, _ in place.tracker.results.counters.durations()}


def test_results_are_counted_in_all_virtuals_that_they_inform() -> None:
    shop = service_key(SHOP)
    place = running(web(ONE, TWO))
    assert durations(place) == {KEY: 2}
    place.put_in_force(web(ONE, TWO), virtual(SHOP, ONE))
    place.check(up())
    assert durations(place) == {KEY: 4, shop: 1}
    place.put_in_force(web(ONE, TWO, scheduler="rr"), virtual(SHOP, ONE, "10.1.0.1:81", checkport=80))
    place.check(up(), ONE)
    assert durations(place) == {KEY: 5, shop: 2}
    place.put_in_force(virtual(SHOP, ONE))
    place.check(up())
    assert durations(place) == {shop: 3}


FLAPPING: dict[str, Any] = {"flapthreshold": 2, "flapwindow": 60}


def test_a_step_that_is_held_back_is_not_published_but_that_the_server_flaps_is() -> None:
    place = running(site := web(ONE, TWO, **FLAPPING))
    place.check(down(), ONE)
    server = place.compiled.real(FIRST)
    assert place.check(up(), ONE) == [Flapping(site, server.real, 2)]
    assert place.changed == []
    assert place.check(down(), TWO) == [
        place.checked(SECOND, PASSED, FAILED, down()),
        place.checked(FIRST, HealthState(successes=1), PASSED, up()),
    ]
    assert [key for key, _ in place.changed] == [SECOND, FIRST]


def test_first_verdicts_and_maintenance_are_no_flapping() -> None:
    place = Place(web(ONE, TWO, flapthreshold=2))
    place.check(up())
    place.maintain(FIRST)
    place.maintain()
    assert place.tracker.flaps.histories == {}
    place.check(down(), ONE)
    assert set(place.tracker.flaps.flapping) == set()
    place.check(up(), ONE)
    assert set(place.tracker.flaps.flapping) == {FIRST}


def test_maintenance_ends_flapping_before_the_server_goes_out() -> None:
    place = running(site := web(ONE, TWO, **FLAPPING))
    place.check(down(), ONE)
    place.check(up(), ONE)
    server = place.compiled.real(FIRST)
    assert place.maintain(FIRST) == [
        Flapping(site, server.real, 0, over=True),
        place.checked(FIRST, HealthState(successes=1), FAILED, IN_MAINTENANCE),
    ]


def test_panic_keeps_in_who_falls_and_lets_go_who_fails_again_once_others_are_up() -> None:
    place = running(site := web(ONE, TWO, panic=100))
    fall = place.checked(FIRST, PASSED, FAILED, down())
    assert place.check(down(), ONE) == [fall, Panic(site, 1, 2)]
    assert (place.changed, place.health(FIRST)) == ([], KeptState(up=True, failures=1))
    assert place.check(down(), ONE) == []
    (rise,) = place.check(up(), ONE)
    assert rise == place.checked(FIRST, HealthState(failures=2), PASSED, up())
    assert place.changed == [(FIRST, rise)]
    assert (place.tracker.panics.kept, type(place.health(FIRST))) == (0, HealthState)
    place.later.let_pass(60)
    assert place.events[1:] == [Panic(site, 2, 2, began=False)]


def test_the_fall_of_a_kept_server_is_told_once_and_its_row_goes_when_it_fails_beside_enough_others() -> None:
    place = running(web(ONE, TWO, panic=50))
    place.check(down(), ONE)
    fall, *_ = place.check(down(), TWO)
    assert place.health(SECOND) == KeptState(up=True, failures=1)
    place.check(up(), ONE)
    assert place.check(down(), TWO) == []
    assert place.changed == [(SECOND, fall)]
    assert place.health(SECOND) == FAILED
    assert type(place.health(SECOND)) is HealthState


def test_who_flaps_and_passes_comes_in_before_panic_keeps_another_one() -> None:
    place = running(web(ONE, TWO, panic=50, **FLAPPING))
    place.check(down(), ONE)
    place.check(up(), ONE)
    assert place.check(down(), TWO) == [
        place.checked(FIRST, HealthState(successes=1), PASSED, up()),
        place.checked(SECOND, PASSED, FAILED, down()),
    ]
    assert type(place.health(SECOND)) is HealthState


def test_a_kept_server_that_flaps_goes_out_as_one_that_flaps() -> None:
    place = running(web(ONE, TWO, panic=50, flapthreshold=3))
    for result, server in ((down(), ONE), (up(), ONE), (down(), TWO)):
        place.check(result, server)
    fall, *_ = place.check(down(), ONE)
    assert type(place.health(FIRST)) is KeptState
    place.check(up(), TWO)
    assert place.check(down(), ONE) == []
    assert place.changed == [(FIRST, fall)]
    assert (place.health(FIRST), type(place.health(FIRST))) == (FAILED, FlappingState)


def test_who_leaves_is_remembered_with_what_it_did() -> None:
    directives: dict[str, Any] = {"drainremoved": 60, "flapthreshold": 3, "slowstart": 9.0}
    place = running(web(ONE, TWO, **directives))
    place.check(down(), ONE)
    history = place.tracker.flaps.histories[FIRST]
    after = compile_config(config(web(TWO, **directives)), KINDS)
    place.tracker.remember_departing(after, [FIRST])
    assert place.tracker.flaps.histories == {}
    place.put_in_force(web(TWO, **directives))
    assert place.tracker.slow_starts.failed == set()
    place.put_in_force(web(ONE, TWO, **directives))
    assert (place.health(FIRST), place.tracker.slow_starts.failed) == (FAILED, {FIRST})
    assert place.tracker.flaps.histories == {FIRST: history._replace(good_since=None)}
    assert place.check(up(), ONE) == [place.checked(FIRST, FAILED, PASSED, up())]


def test_a_panic_ends_when_the_server_that_is_kept_in_goes_into_maintenance() -> None:
    place = running(site := web(ONE, TWO, panic=100))
    place.check(down(), ONE)
    place.maintain(FIRST)
    place.events.clear()
    place.later.let_pass(60)
    assert place.events == [Panic(site, 1, 1, began=False)]


async def test_the_end_of_a_panic_is_told_by_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(panic_keeper, "calm_time", lambda *_: 0.01)
    events = list[Event]()
    compiled = compile_config(config(web(ONE, panic=100)), KINDS)
    tracker = HealthTracker(events.append, lambda *_: None)
    tracker.switch_config(compiled, Phase.START, lambda _: {})
    (check,) = compiled.plan
    for result in (up(), down(), up()):
        tracker.observe(compiled, check, result)
    await until(lambda: isinstance(events[-1], Panic), 20)
    assert events[-1] == Panic(web(ONE, panic=100), 1, 1, began=False)
