"""FlapDamper, without a director: what is left of each step, who is let in, and what a restart has to know."""

from __future__ import annotations

from typing import Any

import pytest

from builders import KINDS, config, down, up, virtual
from harness.director_site import WEB
from harness.flapping_site import REALS
from ldirectord_py.checks.base import Result
from ldirectord_py.compiled_real import CompiledReal
from ldirectord_py.config.model import CheckType, Virtual
from ldirectord_py.daemon.reconciler.compiled_config import compile_config
from ldirectord_py.daemon.reconciler.flap_damper import Damped, FlapDamper, Released
from ldirectord_py.daemon.reconciler.health_table import HealthTable
from ldirectord_py.damping import FlapHistory, FlappingState, KeptState
from ldirectord_py.health import HealthState, Transition
from ldirectord_py.report.events import Flapping

UP, DOWN = HealthState(up=True), HealthState()
OTHER = virtual("10.0.0.2:80", *REALS, flapthreshold=2)


def web(**directives: Any) -> Virtual:
    return virtual(WEB, *REALS, **{"flapthreshold": 2, **directives})


class Place:
    """Two servers that are up, a damper of their steps, its clock, and how often it told of a change."""

    def __init__(self, **directives: Any) -> None:
        self.table = HealthTable()
        self.put_in_force(web(**directives), OTHER)
        self.now = 100.0
        self.is_needed = False
        self.changes = 0
        self.flaps = FlapDamper(self.table, lambda _: self.is_needed, lambda: self.now)
        self.flaps.on_change = self._count

    def _count(self) -> None:
        self.changes += 1

    def put_in_force(self, *virtuals: Virtual) -> None:
        compiled = compile_config(config(*virtuals), KINDS)
        self.table.replace_virtuals(compiled.virtuals, frozenset(), lambda keys: dict.fromkeys(keys, UP))
        self.first, self.second = list(compiled.reals())[:2]
        self.elsewhere = list(compiled.reals())[-2]

    def probe(self, real: CompiledReal, *results: Result) -> Damped:
        """Let a server have results, one a second; return what is left of the last step."""
        for result in results:
            self.now += 1
            step = self.table.observe(real.key, result.verdict, real.rules)
            assert step is not None
            damped = self.flaps.damp(real, step, result)
        return damped

    def state(self, real: CompiledReal) -> HealthState:
        state = self.table.health[real.key]
        assert type(state) is FlappingState
        return state


def flapping(real: CompiledReal, changes: int) -> Flapping:
    return Flapping(real.virtual, real.real, changes)


def over(real: CompiledReal) -> Flapping:
    return Flapping(real.virtual, real.real, 0, over=True)


def test_a_step_that_is_no_change_is_left_as_it_is() -> None:
    place = Place(failurecount=2)
    assert place.probe(place.first, down()) == Damped(Transition(UP, HealthState(up=True, failures=1)))
    assert (place.flaps.histories, place.changes) == ({}, 0)


def test_each_change_is_remembered_with_its_time() -> None:
    place = Place(flapthreshold=3)
    assert place.probe(place.first, down()) == Damped(Transition(UP, HealthState(failures=1)))
    assert place.flaps.histories == {
        place.first.key: FlapHistory((101.0,), flapping=False, checked=HealthState(failures=1))
    }
    place.probe(place.first, up())
    assert place.flaps.histories == {
        place.first.key: FlapHistory((101.0, 102.0), checked=HealthState(up=True, successes=1), good_since=102.0)
    }
    assert (place.changes, set(place.flaps.flapping)) == (2, set())


def test_changes_before_the_window_do_not_count() -> None:
    place = Place(flapwindow=10)
    place.probe(place.first, down())
    place.now += 10
    assert place.probe(place.first, up()).event is None


def test_a_server_that_begins_to_flap_as_it_passes_does_not_come_in() -> None:
    place = Place()
    assert place.probe(place.first, down(), up()) == Damped(None, flapping(place.first, 2))
    assert place.state(place.first) == HealthState(up=False, successes=1)
    assert (set(place.flaps.flapping), place.changes, place.table.up_in(place.first.key.service)) == (
        {place.first.key},
        *(2, 1),
    )


@pytest.mark.parametrize("other_is_up", [False, True])
def test_it_comes_in_if_no_other_is_up_or_if_panic_needs_it(other_is_up: bool) -> None:
    place = Place()
    place.is_needed = other_is_up
    if not other_is_up:
        place.table.set_state(place.second.key, DOWN)
    step = Transition(HealthState(failures=1), HealthState(up=True, successes=1))
    assert place.probe(place.first, down(), up()) == Damped(step, flapping(place.first, 2))
    assert place.state(place.first) == HealthState(up=True, successes=1)


def test_a_server_that_begins_to_flap_as_it_fails_goes_out() -> None:
    place = Place(flapthreshold=1)
    step = Transition(UP, HealthState(failures=1))
    assert place.probe(place.first, down()) == Damped(step, flapping(place.first, 1))
    assert place.state(place.first) == HealthState(failures=1)
    assert list(place.flaps.readmit(place.first.key.service)) == []


def test_one_that_panic_keeps_in_stays_in_as_it_begins_to_flap() -> None:
    place = Place()
    place.probe(place.first, down())
    place.table.set_state(place.first.key, KeptState(up=True, failures=1))
    step = Transition(KeptState(up=True, failures=1), HealthState(up=True, successes=1))
    assert place.probe(place.first, up()) == Damped(step, flapping(place.first, 2))
    assert place.state(place.first) == HealthState(up=True, successes=1)


def test_it_comes_in_after_a_whole_good_window() -> None:
    place = Place(flapwindow=10, successcount=2)
    place.probe(place.first, up(), down(), up(), up())
    assert set(place.flaps.flapping) == {place.first.key}
    changes = place.changes
    for _ in range(9):
        assert place.probe(place.first, up()) == Damped(None)
    assert place.changes == changes
    before = place.state(place.first)
    after = HealthState(up=True, successes=2)
    assert place.probe(place.first, up()) == Damped(Transition(before, after), over(place.first))
    assert place.table.health[place.first.key] == after
    assert type(place.table.health[place.first.key]) is HealthState
    assert (place.changes, set(place.flaps.flapping)) == (changes + 1, set())
    assert place.flaps.histories == {place.first.key: FlapHistory(checked=after, good_since=104.0)}


def test_one_that_is_in_already_is_only_told_of_when_it_flaps_no_more() -> None:
    place = Place(flapwindow=10)
    place.is_needed = True
    place.probe(place.first, down(), up())
    for _ in range(9):
        damped = place.probe(place.first, up())
        assert damped.step is not None
        assert damped.event is None
    assert place.probe(place.first, up()) == Damped(None, over(place.first))


def test_one_that_is_in_goes_out_by_its_checks() -> None:
    place = Place(failurecount=2)
    place.is_needed = True
    place.probe(place.first, down(), down(), up())
    step = Transition(FlappingState(up=True, successes=1), FlappingState(up=True, failures=1))
    assert place.probe(place.first, down()) == Damped(step)
    place.is_needed = False
    damped = place.probe(place.first, down())
    assert damped.step is not None
    assert damped.step.fell


def test_one_that_is_out_comes_in_once_it_is_missed_and_passes() -> None:
    place = Place()
    place.probe(place.first, down(), up())
    place.table.set_state(place.second.key, DOWN)
    assert place.probe(place.first, down()) == Damped(None)
    damped = place.probe(place.first, up())
    assert damped == Damped(Transition(HealthState(successes=1), HealthState(up=True, successes=1)))
    assert place.state(place.first).up


def test_those_that_pass_are_readmitted_once_with_their_last_passed_result() -> None:
    place = Place(failurecount=2)
    service = place.first.key.service
    passed = up("the last one")
    place.probe(place.first, down(), down(), up(), passed, down())
    place.probe(place.elsewhere, down(), up())
    step = Transition(HealthState(failures=1), HealthState(up=True, failures=1))
    assert list(place.flaps.readmit(service)) == [Released(place.first, step, passed)]
    assert place.state(place.first).up
    assert list(place.flaps.readmit(service)) == []
    assert len(list(place.flaps.readmit(place.elsewhere.key.service))) == 1


def test_those_that_fail_are_not_readmitted() -> None:
    place = Place()
    place.probe(place.first, down(), up(), down())
    assert list(place.flaps.readmit(place.first.key.service)) == []


def test_a_history_is_restored_without_the_time_since_which_the_server_is_good() -> None:
    place = Place()
    key, history = place.first.key, FlapHistory((1.0, 2.0), flapping=True, checked=UP, good_since=2.0)
    place.flaps.restore(key, history)
    assert (place.flaps.histories, set(place.flaps.flapping)) == ({key: history._replace(good_since=None)}, {key})
    place.table.set_state(key, FlappingState())
    assert list(place.flaps.readmit(key.service)) == []  # nobody has checked it since
    other = place.second.key
    place.flaps.restore(other, FlapHistory((1.0,)))
    assert (set(place.flaps.flapping), place.changes) == ({key}, 2)
    assert place.flaps.pop_history(key) == history._replace(good_since=None)
    assert place.flaps.pop_history(key) is None
    assert (list(place.flaps.histories), set(place.flaps.flapping), place.changes) == ([other], set(), 2)


def test_an_operator_ends_it_and_the_server_stays_as_it_is() -> None:
    place = Place()
    assert (place.flaps.forget(place.first), place.changes) == (None, 0)
    place.probe(place.first, down())
    assert (place.flaps.forget(place.first), place.changes, place.flaps.histories) == (None, 2, {})
    place.probe(place.first, up(), down())
    assert (place.flaps.forget(place.first), place.changes) == (over(place.first), 5)
    state = place.table.health[place.first.key]
    assert (state, type(state), set(place.flaps.flapping)) == (HealthState(failures=1), HealthState, set())
    assert place.flaps.forget(place.first) is None


def test_an_operator_ends_it_of_one_that_panic_keeps_in() -> None:
    place = Place()
    place.probe(place.first, down(), up())
    kept = KeptState(up=True, failures=1)
    place.table.set_state(place.first.key, kept)
    assert place.flaps.forget(place.first) == over(place.first)
    assert place.table.health[place.first.key] is kept


@pytest.mark.parametrize("directives", [{}, {"scheduler": "rr"}])
def test_those_whose_virtual_still_has_the_directive_are_kept(directives: dict[str, Any]) -> None:
    place = Place()
    place.probe(place.first, down(), up())
    changes = place.changes
    place.put_in_force(web(**directives), OTHER)
    assert list(place.flaps.drop_undamped()) == []
    assert (set(place.flaps.flapping), place.changes) == ({place.first.key}, changes)


def test_without_the_directive_those_that_pass_come_in() -> None:
    place = Place()
    passed = up("the last one")
    place.probe(place.first, down(), up(), passed)
    place.probe(place.second, down())
    place.table.set_state(place.second.key, UP)
    state, changes = place.state(place.first), place.changes
    place.put_in_force(web(flapthreshold=None), OTHER)
    checked = HealthState(up=True, successes=1)
    released = Released(place.first, Transition(state, checked), passed)
    assert list(place.flaps.drop_undamped()) == [(over(place.first), released)]
    assert type(place.table.health[place.first.key]) is HealthState
    assert (place.table.health[place.first.key], place.changes) == (checked, changes + 2)
    assert (place.flaps.histories, set(place.flaps.flapping)) == ({}, set())


def test_without_the_directive_those_that_fail_stay_out_and_those_that_are_in_stay_in() -> None:
    place = Place()
    place.probe(place.first, down(), up(), down())
    place.table.set_state(place.second.key, DOWN)
    place.put_in_force(web(flapthreshold=None), OTHER)
    assert list(place.flaps.drop_undamped()) == [(over(place.first), None)]
    assert not place.table.health[place.first.key].up
    place = Place()
    place.is_needed = True
    place.probe(place.first, down(), up())
    place.put_in_force(web(flapthreshold=None), OTHER)
    assert list(place.flaps.drop_undamped()) == [(over(place.first), None)]
    assert place.table.health[place.first.key].up


def test_those_that_need_no_check_now_are_told_of_and_those_that_left_are_not() -> None:
    place = Place()
    place.probe(place.first, down(), up())
    place.probe(place.elsewhere, down(), up())
    place.put_in_force(web(checktype=CheckType.ON), OTHER)
    assert list(place.flaps.drop_undamped()) == [(over(place.first), None)]
    assert place.table.health[place.first.key] == UP
    assert set(place.flaps.flapping) == {place.elsewhere.key}
    place.put_in_force(web())
    assert list(place.flaps.drop_undamped()) == []
    assert (place.flaps.histories, set(place.flaps.flapping)) == ({}, set())
