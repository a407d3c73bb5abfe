"""SlowStarts, without a director: who begins slowly, which steps are due when, and what is forgotten."""

from __future__ import annotations

import math
from typing import Any

import pytest

from builders import KINDS, config, real, virtual
from harness.director_site import WEB
from ldirectord_py.compiled_real import CompiledReal
from ldirectord_py.config.model import Virtual
from ldirectord_py.daemon.reconciler.compiled_config import compile_config
from ldirectord_py.daemon.reconciler.slow_starts import MIN_STEP_INTERVAL, SlowStarts
from ldirectord_py.health import HealthState, Transition
from ldirectord_py.report.events import Checked

ONE, TWO = "10.1.0.1:80", "10.1.0.2:80"
UP, DOWN = HealthState(up=True), HealthState()
RISE, FALL, SOFT = Transition(DOWN, UP), Transition(UP, DOWN), Transition(UP, HealthState(up=True, failures=1))


def web(*servers: str, **directives: Any) -> Virtual:
    """Return a virtual of servers of weight 20, which have 2 more every 10 s."""
    return virtual(WEB, *(real(each, weight=20) for each in servers), **{"slowstart": 90.0, **directives})


class Place:
    """Two servers, and the clock of their ramps."""

    def __init__(self, site: Virtual | None = None) -> None:
        self.now = 1000.0
        self.slow_starts = SlowStarts(lambda: self.now)
        self.first, self.second = compile_config(config(site or web(ONE, TWO)), KINDS).reals()

    def change(self, server: CompiledReal, transition: Transition) -> Checked:
        event = Checked(server.key, server.virtual, server.real, transition, "")
        self.slow_starts.follow_change(server, event)
        return event

    def recover(self, server: CompiledReal) -> Checked:
        self.slow_starts.record_failure(server.key)
        return self.change(server, RISE)

    def keep(self, *virtuals: Virtual) -> None:
        self.slow_starts.keep_virtuals(compile_config(config(*virtuals), KINDS).virtuals)


def test_only_a_recovery_begins_slowly() -> None:
    place = Place()
    slow_starts, key = place.slow_starts, place.first.key
    place.change(place.first, RISE)
    assert (slow_starts.tenths, slow_starts.due) == ({}, math.inf)
    slow_starts.record_failure(key)
    for each in (FALL, SOFT):
        place.change(place.first, each)
        assert (slow_starts.failed, slow_starts.tenths, slow_starts.due) == ({key}, {}, math.inf)
    place.change(place.second, RISE)
    assert (slow_starts.failed, slow_starts.tenths) == ({key}, {})
    place.change(place.first, RISE)
    assert (slow_starts.failed, slow_starts.tenths, slow_starts.due) == (set(), {key: 1}, 1010.0)


def test_a_server_that_an_operator_took_in_hand_has_no_recovery() -> None:
    place = Place()
    place.slow_starts.record_failure(place.first.key)
    place.slow_starts.forget_failure(place.first.key)
    place.slow_starts.forget_failure(place.first.key)
    place.change(place.first, RISE)
    assert place.slow_starts.tenths == {}


def test_the_steps_are_those_of_the_servers_that_have_more_now_each_with_its_cause() -> None:
    place = Place()
    one, two = place.first.key, place.second.key
    cause = place.recover(place.first)
    place.now = 1005.0
    other = place.recover(place.second)
    assert place.slow_starts.due == 1010.0
    place.now = 1009.9
    assert (place.slow_starts.advance(), place.slow_starts.tenths) == ({}, {one: 1, two: 1})
    place.now = 1010.0
    assert (place.slow_starts.advance(), place.slow_starts.tenths) == ({one: cause}, {one: 2, two: 1})
    assert place.slow_starts.due == 1015.0
    place.now = 1035.0
    assert (place.slow_starts.advance(), place.slow_starts.tenths) == ({one: cause, two: other}, {one: 4, two: 4})
    place.now = 1090.0
    assert (place.slow_starts.advance(), place.slow_starts.tenths) == ({one: cause, two: other}, {two: 9})
    assert place.slow_starts.due == 1095.0
    place.now = 2000.0
    assert (place.slow_starts.advance(), place.slow_starts.tenths, place.slow_starts.due) == (
        {two: other},
        {},
        math.inf,
    )


@pytest.mark.parametrize(("weight", "tenths"), [(0, []), (1, []), (2, [1]), (20, [1])])
def test_a_weight_that_has_no_part_does_not_rise(weight: int, tenths: list[int]) -> None:
    servers = [real(each, weight=weight) for each in (ONE, TWO)]
    place = Place(virtual(WEB, *servers, slowstart=90.0))
    place.recover(place.first)
    assert list(place.slow_starts.tenths.values()) == tenths
    off = Place(virtual(WEB, *servers))
    off.recover(off.first)
    assert (off.slow_starts.tenths, off.slow_starts.failed, off.slow_starts.due) == ({}, set(), math.inf)


def test_steps_are_not_closer_than_the_shortest_interval() -> None:
    place = Place(web(ONE, TWO, slowstart=0.09))
    place.recover(place.first)
    place.now = place.slow_starts.due
    place.slow_starts.advance()
    assert place.slow_starts.due == place.now + MIN_STEP_INTERVAL


def test_a_ramp_ends_when_the_server_goes_down_and_begins_anew() -> None:
    place = Place()
    place.recover(place.first)
    place.recover(place.second)
    place.change(place.first, FALL)
    assert place.slow_starts.tenths == {place.second.key: 1}
    place.now = 1010.0
    assert list(place.slow_starts.advance()) == [place.second.key]


def test_servers_that_leave_are_forgotten_with_their_ramps_and_failures() -> None:
    place = Place()
    one, two = place.first.key, place.second.key
    for key in (one, two):
        place.slow_starts.record_failure(key)
    place.keep(web(TWO))
    assert place.slow_starts.failed == {two}
    place.recover(place.first)
    place.recover(place.second)
    assert place.slow_starts.failed == set()
    place.keep(web(TWO, slowstart=5.0))
    assert place.slow_starts.tenths == {two: 1}
    place.keep(web(TWO, slowstart=None))
    assert place.slow_starts.tenths == {}


def test_failures_are_known_though_slow_starts_are_off_now() -> None:
    place = Place()
    place.slow_starts.record_failure(place.first.key)
    place.keep(web(ONE, TWO, slowstart=None))
    assert place.slow_starts.failed == {place.first.key}
    place.keep()
    assert place.slow_starts.failed == set()
