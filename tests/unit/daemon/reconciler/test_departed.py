"""Which servers are remembered when they leave, and with which state they come back."""

from __future__ import annotations

from dataclasses import replace

import pytest

from builders import KINDS, config, virtual
from harness.director_site import WEB, destination
from ldirectord_py.config.model import CheckType, Virtual
from ldirectord_py.daemon.reconciler.compiled_config import CompiledConfig, compile_config
from ldirectord_py.daemon.reconciler.departed import Departed, DepartedServers, departing
from ldirectord_py.damping import FlappingState, KeptState
from ldirectord_py.health import HealthState

ONE, TWO = "10.1.0.1:80", "10.1.0.2:80"
KEY = destination(WEB, ONE).key
STATE = HealthState(up=True, failures=1)


def compiled(*virtuals: Virtual) -> CompiledConfig:
    return compile_config(config(*virtuals), KINDS)


BEFORE = compiled(virtual(WEB, ONE, TWO, drainremoved=60))


@pytest.mark.parametrize(
    ("after", "is_remembered"),
    [
        (compiled(virtual(WEB, TWO, drainremoved=60)), True),
        (compiled(virtual(WEB, TWO)), False),
        (compiled(virtual(WEB, ONE, TWO, drainremoved=60, scheduler="rr")), False),
        (compiled(), False),
        (BEFORE, False),
    ],
)
def test_servers_that_leave_a_virtual_with_the_directive_are_remembered(
    after: CompiledConfig, is_remembered: bool
) -> None:
    assert [real.key for real in departing(BEFORE.virtuals, after, {KEY})] == [KEY] * is_remembered
    assert list(departing(BEFORE.virtuals, after, {destination(WEB, TWO).key})) == []
    assert list(departing(BEFORE.virtuals, after, ())) == []


def test_servers_of_several_virtuals_are_remembered() -> None:
    other = virtual("10.0.0.2:80", ONE, drainremoved=60)
    before = compiled(virtual("10.0.0.3:80", ONE, drainremoved=60), virtual(WEB, ONE, drainremoved=60), other)
    after = compiled(virtual("10.0.0.3:80"), virtual(WEB, drainremoved=60), replace(other, reals=()))
    left = [destination(site, ONE).key for site in ("10.0.0.3:80", WEB, "10.0.0.2:80")]
    assert [real.key for real in departing(before.virtuals, after, left)] == left[1:]


@pytest.mark.parametrize(
    ("state", "again"),
    [
        (STATE, STATE),
        (HealthState(failures=3), HealthState(failures=3)),
        (KeptState(up=True, failures=4), HealthState(up=True)),
        (FlappingState(failures=1), HealthState(failures=1)),
    ],
)
def test_the_state_again(state: HealthState, again: HealthState) -> None:
    found = Departed(KEY, state).state_again
    assert (found, type(found)) == (again, HealthState)


def test_whoever_is_back_is_returned_once() -> None:
    servers, departed = DepartedServers(), Departed(KEY, STATE)
    servers.add(KEY, departed)
    assert servers.pop_returned(BEFORE.virtuals, {destination(WEB, TWO).key}) == {}
    assert servers.pop_returned(BEFORE.virtuals, {KEY}) == {KEY: departed}
    assert servers.pop_returned(BEFORE.virtuals, {KEY}) == {}


def test_whoever_needs_no_check_now_is_not_returned() -> None:
    servers = DepartedServers()
    servers.add(KEY, Departed(KEY, STATE))
    on = compiled(virtual(WEB, ONE, checktype=CheckType.ON))
    assert servers.pop_returned(on.virtuals, {KEY}) == {}
    assert servers.pop_returned(BEFORE.virtuals, {KEY}) == {}


def test_whose_row_is_gone_is_forgotten() -> None:
    servers, departed = DepartedServers(), Departed(KEY, STATE)
    servers.add(KEY, departed)
    servers.drop_others({KEY})
    assert servers.pop_returned(BEFORE.virtuals, {KEY}) == {KEY: departed}
    servers.add(KEY, departed)
    servers.drop_others(())
    assert servers.pop_returned(BEFORE.virtuals, {KEY}) == {}
