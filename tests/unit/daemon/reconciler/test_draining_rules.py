"""Draining, without a director: which rows stay, for which reasons and until when, and when they are counted."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import pytest

from builders import KINDS, config, fallback, real, virtual
from harness.director_site import WEB, destination
from ldirectord_py.administration import AdministrativeState
from ldirectord_py.config.model import Forward, Virtual
from ldirectord_py.daemon.reconciler.compiled_config import CompiledConfig, compile_config
from ldirectord_py.daemon.reconciler.draining import (
    COUNT_INTERVAL,
    MAX_DRAINED_TIME,
    MAX_MOVED_TIME,
    Draining,
    DrainReason,
    Left,
)
from ldirectord_py.daemon.reconciler.resync_timer import ResyncTimer
from ldirectord_py.desired import NOTHING_ADMINISTERED, Administration
from ldirectord_py.errors import KernelError
from ldirectord_py.ipvs.table import Destination, DestinationKey, Row, Service, ServiceKey, Table

ONE, TWO, THREE = "10.1.0.1:80", "10.1.0.2:80", "10.1.0.3:80"
FIRST, SECOND, THIRD = (destination(WEB, each, weight) for each, weight in ((ONE, 3), (TWO, 4), (THREE, 5)))
KEY = FIRST.key.service
NOW = 1000.0
MOVED, DRAINED, REMOVED = DrainReason


def compiled(*virtuals: Virtual) -> CompiledConfig:
    return compile_config(config(*virtuals), KINDS)


def web(*servers: Any, **directives: Any) -> CompiledConfig:
    return compiled(virtual(WEB, *servers, **directives))


def table(*rows: Row) -> Table:
    return {row.key: row for row in rows}


KERNEL = table(Service(KEY, "wrr"), FIRST, SECOND)


def rows_of(service: ServiceKey) -> Table:
    return KERNEL if service == KEY else {}


def left(
    former: CompiledConfig, administration: Administration = NOTHING_ADMINISTERED, kept: Collection[DestinationKey] = ()
) -> Left:
    return Left(former, rows_of, administration, frozenset(kept))


def draining(*rows: Destination, seconds: float = 100.0, now: float = NOW) -> Draining:
    """Return what drains these rows of a virtual with ``drainremoved``."""
    made = Draining()
    made.adopt(web(drainremoved=seconds), lambda _: table(*rows), now)
    return made


def test_unknown_rows_drain_where_the_directive_is_set() -> None:
    made = Draining()
    made.adopt(web(TWO, drainremoved=100), rows_of, NOW)
    assert made.rows([KEY]) == {FIRST.key: FIRST._replace(weight=0)}
    assert made.leaving == {FIRST.key: REMOVED}
    assert (list(made.keys), made.due) == ([FIRST.key], NOW + COUNT_INTERVAL)
    made = Draining()
    made.adopt(web(TWO), rows_of, NOW)
    assert (made.rows([KEY]), made.due) == ({}, math.inf)


def test_a_row_that_drains_keeps_its_method_and_thresholds_but_no_weight() -> None:
    row = FIRST._replace(upper=20, lower=10)
    assert draining(row).rows([KEY]) == {row.key: row._replace(weight=0)}


def test_the_first_rows_stay_though_they_are_adopted_again_and_the_longest_time_counts() -> None:
    made = draining(FIRST, seconds=5)
    made.adopt(web(drainremoved=7), lambda _: table(FIRST._replace(upper=9)), NOW)
    assert made.rows([KEY]) == {FIRST.key: FIRST._replace(weight=0)}
    assert made.due == NOW + 5  # as it was due before
    made.adopt(web(drainremoved=1), lambda _: table(FIRST), NOW)
    assert_ends(made, 7)


def assert_ends(made: Draining, seconds: float) -> None:
    """Let its rows have connections until their time is over, after these seconds."""
    timer, connected = ResyncTimer(), dict.fromkeys(made.keys, 1)
    assert count(made, timer, connected, NOW + seconds - 1) == []
    assert made.due == NOW + seconds
    assert count(made, timer, connected, NOW + seconds) == [KEY]
    assert list(made.keys) == []


def count(
    made: Draining, timer: ResyncTimer, connections: Mapping[DestinationKey, int], now: float
) -> Iterable[ServiceKey]:
    async def counted(services: Collection[ServiceKey]) -> Mapping[DestinationKey, int]:
        assert services == {KEY}
        return connections

    return list(asyncio.run(made.end(counted, timer, now)))


def test_a_row_without_connections_goes_and_the_others_stay() -> None:
    made, timer = draining(FIRST, SECOND), ResyncTimer()
    assert count(made, timer, {FIRST.key: 0, SECOND.key: 1, THIRD.key: 0}, NOW + 10) == [KEY]
    assert (list(made.keys), made.due, timer.at) == ([SECOND.key], NOW + 20, math.inf)
    assert count(made, timer, {SECOND.key: 1}, NOW + 20) == []
    assert count(made, timer, {SECOND.key: 0}, NOW + 30) == [KEY]
    assert (list(made.keys), made.due, timer.at) == ([], math.inf, math.inf)


def test_a_row_goes_with_its_connections_when_its_time_is_over() -> None:
    made, timer = draining(FIRST, seconds=25), ResyncTimer()
    assert made.due == NOW + 10
    assert count(made, timer, {FIRST.key: 1}, NOW + 20) == []
    assert made.due == NOW + 25
    assert count(made, timer, {FIRST.key: 1}, NOW + 25) == [KEY]


def test_a_row_that_the_kernel_lacks_makes_a_resync_due_and_stays_even_when_its_time_is_over() -> None:
    made, timer = draining(FIRST, SECOND, seconds=5), ResyncTimer()
    assert count(made, timer, {SECOND.key: 1}, NOW + 5) == [KEY]
    assert (list(made.keys), timer.at, made.due) == ([FIRST.key], -math.inf, NOW + 15)


def test_a_kernel_that_fails_is_counted_again_after_the_interval() -> None:
    made = draining(FIRST)

    async def fail(_: Collection[ServiceKey]) -> Mapping[DestinationKey, int]:
        raise KernelError("gone")

    with pytest.raises(KernelError):
        asyncio.run(made.end(fail, ResyncTimer(), NOW + 10))
    assert (list(made.keys), made.due) == ([FIRST.key], NOW + 20)


def test_the_next_count_is_not_put_off_by_another_configuration() -> None:
    made = draining(FIRST)
    after = web(drainremoved=100)
    made.switch_config(left(after), after, NOW + 3)
    assert made.due == NOW + 10
    made.adopt(after, lambda _: table(SECOND), NOW + 4)
    assert made.due == NOW + 10
    made.switch_config(left(after), web(ONE, TWO, drainremoved=100), NOW + 5)
    assert (list(made.keys), made.due) == ([], math.inf)


def test_rows_of_other_services_are_not_asked_for_and_draining_ones_are_excluded() -> None:
    made = draining(FIRST)
    assert made.rows([]) == {}
    assert made.exclude(KERNEL) == table(Service(KEY, "wrr"), SECOND)
    assert Draining().exclude(KERNEL) == KERNEL
    assert Draining().rows([KEY]) == {}


def test_a_row_that_somebody_removed_drains_no_more_unless_its_service_is_gone_too() -> None:
    made = draining(FIRST, SECOND)
    made.discard_missing(KEY, {})
    other = Service(destination("10.0.0.2:80", ONE).key.service, "wrr")
    made.discard_missing(other.key, table(other))
    assert list(made.keys) == [FIRST.key, SECOND.key]
    made.discard_missing(KEY, table(Service(KEY, "wrr"), SECOND))
    assert list(made.keys) == [SECOND.key]


def switched(
    former: CompiledConfig,
    after: CompiledConfig,
    administration: Administration = NOTHING_ADMINISTERED,
    kept: tuple[Destination, ...] = (),
) -> Draining:
    made = Draining()
    made.switch_config(left(former, administration, [row.key for row in kept]), after, NOW)
    return made


NAMED, MOVED_TO = real(ONE, name="web1"), real(THREE, name="web1")


@pytest.mark.parametrize(
    ("former", "after", "leaving"),
    [
        (web(ONE, TWO, drainremoved=9), web(TWO, drainremoved=9), {FIRST.key: REMOVED}),
        (web(ONE, TWO, drainremoved=9), web(TWO), {}),
        (web(ONE, TWO), web(TWO, drainremoved=9), {FIRST.key: REMOVED}),
        (web(TWO, ONE, drainremoved=9), web(drainremoved=9), {FIRST.key: REMOVED, SECOND.key: REMOVED}),
        (web(ONE, THREE, drainremoved=9), web(THREE, drainremoved=9), {FIRST.key: REMOVED}),
        (web(THREE, TWO, drainremoved=9), web(TWO, drainremoved=9), {}),
        (web(ONE, fallback=fallback(TWO), drainremoved=9), web(THREE, drainremoved=9), {FIRST.key: REMOVED}),
        (web(ONE, drainremoved=9), web(TWO, fallback=fallback(ONE), drainremoved=9), {}),
        (web(ONE, drainremoved=9), compiled(), {}),
        (compiled(), web(TWO, drainremoved=9), {}),
        (web(NAMED, TWO), web(MOVED_TO, TWO), {}),
        (web(NAMED, TWO, quiescent=True), web(MOVED_TO, TWO, quiescent=True), {FIRST.key: MOVED}),
        (web(NAMED, TWO), web(MOVED_TO, TWO, quiescent=True), {FIRST.key: MOVED}),
        (web(NAMED, TWO, quiescent=True), web(MOVED_TO, TWO), {}),
        (web(NAMED, TWO, quiescent=True), web(TWO, quiescent=True), {}),
        (web(NAMED, quiescent=True), web(real("10.1.0.3:81", name="web1"), quiescent=True), {}),
        (web(ONE, TWO, quiescent=True), web(THREE, TWO, quiescent=True), {}),
        (web(NAMED, TWO, quiescent=True), web(NAMED, MOVED_TO, quiescent=True), {}),
    ],
)
def test_the_rows_that_servers_leave(
    former: CompiledConfig, after: CompiledConfig, leaving: Mapping[DestinationKey, DrainReason]
) -> None:
    made = switched(former, after)
    assert made.leaving == leaving
    assert made.due == (NOW + 9 if REMOVED in leaving.values() else NOW + 10 if leaving else math.inf)


def test_rows_that_are_kept_for_names_without_an_address_do_not_drain() -> None:
    former, after = web(ONE, TWO, drainremoved=9), web(drainremoved=9)
    assert switched(former, after, kept=(FIRST,)).leaving == {SECOND.key: REMOVED}


@pytest.mark.parametrize(("persistent", "seconds"), [(None, MAX_MOVED_TIME), (601, 601.0), (60, MAX_MOVED_TIME)])
def test_a_row_whose_server_moved_stays_for_ten_minutes_or_as_long_as_clients_persist(
    persistent: int | None, seconds: float
) -> None:
    former, after = (web(each, TWO, quiescent=True, persistent=persistent) for each in (NAMED, MOVED_TO))
    assert_ends(switched(former, after), seconds)


@pytest.mark.parametrize("state", [AdministrativeState.DRAIN, AdministrativeState.DISABLED])
def test_a_row_that_an_operator_had_drained_stays_for_a_day(state: AdministrativeState) -> None:
    former = web(ONE, TWO)
    made = switched(former, web(TWO), {FIRST.key: state, destination("10.0.0.7:80", ONE).key: state, THIRD.key: state})
    if state is AdministrativeState.DISABLED:
        assert made.leaving == {}
        return
    assert made.leaving == {FIRST.key: DRAINED}
    assert_ends(made, MAX_DRAINED_TIME)


def test_a_drained_server_on_another_port_than_the_virtuals_leaves_the_row_that_it_had() -> None:
    gate = real("10.1.0.1:8080", Forward.GATE)
    identity = destination(WEB, "10.1.0.1:8080").key
    assert switched(web(gate), web(), {identity: AdministrativeState.DRAIN}).leaving == {FIRST.key: DRAINED}


def test_the_reason_is_that_which_lasts_longest_and_those_that_count_no_more_are_dropped() -> None:
    former = web(NAMED, TWO, quiescent=True, drainremoved=9)
    after = web(MOVED_TO, TWO, quiescent=True, drainremoved=9)
    made = switched(former, after, {FIRST.key: AdministrativeState.DRAIN})
    assert made.leaving == {FIRST.key: DRAINED}
    made = switched(former, after)
    assert made.leaving == {FIRST.key: MOVED}
    without = web(MOVED_TO, TWO, drainremoved=9)
    made.switch_config(left(after), without, NOW)
    assert made.leaving == {FIRST.key: REMOVED}
    made.switch_config(left(without), web(MOVED_TO, TWO), NOW)
    assert made.leaving == {}


def test_a_row_of_a_virtual_that_is_gone_drains_no_more() -> None:
    made = draining(FIRST)
    made.switch_config(left(web(drainremoved=9)), compiled(virtual("10.0.0.2:80")), NOW)
    assert (list(made.keys), made.leaving, made.due) == ([], {}, math.inf)


def test_a_virtual_with_the_same_servers_does_not_hide_those_after_it() -> None:
    other = virtual("10.0.0.2:80", ONE)
    former = compiled(other, virtual(WEB, ONE, TWO, drainremoved=9))
    assert switched(former, compiled(other, virtual(WEB, TWO, drainremoved=9))).leaving == {FIRST.key: REMOVED}
