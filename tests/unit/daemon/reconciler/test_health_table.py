"""Servers of virtuals that have not changed keep their states, and the counts are those of the states."""

from __future__ import annotations

from collections import Counter
from collections.abc import Set as AbstractSet

from hypothesis import given
from hypothesis import strategies as st

from builders import KINDS, config, down, unjudged, up, virtual
from harness.director_site import WEB as SITE
from harness.director_site import destination
from ldirectord_py.administration import AdministrativeState
from ldirectord_py.checks.base import Check, Result
from ldirectord_py.config.model import CheckType, Config, Virtual
from ldirectord_py.daemon.reconciler.compiled_config import CompiledConfig, compile_config
from ldirectord_py.daemon.reconciler.health_table import HealthTable, initial_states
from ldirectord_py.health import HealthState, Rules, Transition, Verdict
from ldirectord_py.ipvs.table import DestinationKey, Key, Row

_, DRAIN, DISABLED = AdministrativeState
SERVERS = st.lists(st.sampled_from([f"10.1.0.{number}:80" for number in range(1, 5)]), unique=True)


@st.composite
def sites(draw: st.DrawFn) -> Config:
    names = draw(st.lists(st.sampled_from(["10.0.0.1:80", "10.0.0.2:80"]), unique=True))
    checktypes = st.sampled_from([CheckType.ON, CheckType.NEGOTIATE])
    return config(*(virtual(name, *draw(SERVERS), checktype=draw(checktypes)) for name in names))


def adopted(keys: AbstractSet[DestinationKey]) -> dict[DestinationKey, HealthState]:
    return {key: HealthState(up=key.address.packed[-1] % 2 == 0) for key in keys}


@given(st.lists(st.tuples(sites(), st.lists(st.tuples(st.integers(0, 7), st.sampled_from(Verdict))))))
def test_counts_are_those_of_the_states(story: list[tuple[Config, list[tuple[int, Verdict]]]]) -> None:
    table = HealthTable()
    in_force: CompiledConfig | None = None
    for site, verdicts in story:
        in_force = compile_config(site, KINDS, in_force)
        table.replace_virtuals(in_force.virtuals, frozenset(), adopted)
        keys = [real.key for real in in_force.reals()]
        for index, verdict in verdicts if keys else ():
            step = table.transition(keys[index % len(keys)], verdict, Rules())
            assert table.observe(keys[index % len(keys)], verdict, Rules()) == step
        up = Counter(key.service for key, state in table.health.items() if state.up)
        assert table.health.keys() == {real.key for real in in_force.reals()}
        assert table.up == up.total()
        assert [key for key in in_force.virtuals if table.all_down(key)] == [
            key for key in in_force.virtuals if not up[key]
        ]


def test_only_servers_of_changed_virtuals_get_a_state_again() -> None:
    web, mail = virtual("10.0.0.1:80", "10.1.0.1:80"), virtual("10.0.0.1:25", "10.1.0.1:80", "10.1.0.3:80")
    former = compile_config(config(web, mail), KINDS)
    table = HealthTable()
    assert list(table.replace_virtuals(former.virtuals, frozenset(), adopted)) == [real.key for real in former.reals()]
    for real in former.reals():
        table.observe(real.key, Verdict.UP, Rules())
    new = compile_config(config(web, virtual("10.0.0.1:25", "10.1.0.3:80", scheduler="rr")), KINDS, former)
    (kept,) = table.replace_virtuals(new.virtuals, frozenset(), adopted)
    assert str(kept.address) == "10.1.0.3"
    assert [state.up for state in table.health.values()] == [True, True]
    table.reset(kept)
    assert (table.up, table.all_down(kept.service)) == (1, True)


ONE, TWO, THREE = "10.1.0.1:80", "10.1.0.2:80", "10.1.0.3:80"
FIRST, SECOND, THIRD = (destination(SITE, each).key for each in (ONE, TWO, THREE))
KEY = FIRST.service
UP, DOWN = HealthState(up=True), HealthState()


def held(*virtuals: Virtual, maintained: AbstractSet[DestinationKey] = frozenset()) -> HealthTable:
    """Return a table in which the servers with even addresses are up."""
    table = HealthTable()
    table.replace_virtuals(compile_config(config(*virtuals), KINDS).virtuals, maintained, adopted)
    return table


def test_a_verdict_that_changes_nothing_is_no_transition() -> None:
    table = held(virtual(SITE, ONE, TWO))
    assert table.observe(SECOND, Verdict.UP, Rules(2, 1)) == Transition(UP, HealthState(up=True, successes=1))
    assert table.observe(SECOND, Verdict.UP, Rules(2, 1)) is None
    assert table.observe(SECOND, Verdict.DOWN, Rules(2, 1)) == Transition(
        HealthState(up=True, successes=1), HealthState(up=True, failures=1)
    )
    assert (table.up, table.up_in(KEY)) == (1, 1)
    fall = table.observe(SECOND, Verdict.DOWN, Rules(2, 1))
    assert fall is not None
    assert fall.fell
    assert (table.up, table.up_in(KEY), table.all_down(KEY)) == (0, 0, True)
    table.set_state(FIRST, UP)
    table.set_state(SECOND, UP)
    assert (table.health, table.up_in(KEY)) == ({FIRST: UP, SECOND: UP}, 2)
    table.reset(FIRST)
    assert (table.health[FIRST], table.up_in(KEY)) == (DOWN, 1)


def test_a_virtual_is_found_by_its_key() -> None:
    table = held(site := virtual(SITE, ONE))
    assert (table.virtual(KEY), list(table.virtuals)) == (site, [KEY])


def test_servers_that_are_drained_or_disabled_do_not_count_as_up() -> None:
    table = held(virtual(SITE, ONE, TWO, THREE))
    table.set_state(FIRST, UP)
    strange = destination(SITE, "10.1.0.8:80").key
    table.set_administration({FIRST: DRAIN, THIRD: DISABLED, strange: DRAIN})
    assert table.administration == {FIRST: DRAIN, THIRD: DISABLED, strange: DRAIN}
    assert (table.up_in(KEY), table.up) == (1, 1)
    table.set_state(THIRD, UP)
    table.set_state(FIRST, DOWN)
    assert table.up_in(KEY) == 1
    table.set_administration({FIRST: DRAIN, SECOND: DRAIN})
    assert table.up_in(KEY) == 1
    table.set_state(FIRST, UP)
    table.set_administration({})
    assert table.up_in(KEY) == 3


def test_servers_that_leave_are_not_counted_whether_they_are_drained_or_not() -> None:
    table = held(virtual(SITE, ONE, TWO, "10.1.0.4:80"))
    table.set_administration({SECOND: DRAIN})
    table.replace_virtuals(compile_config(config(virtual(SITE, ONE)), KINDS).virtuals, frozenset(), adopted)
    assert (table.health, table.up, table.up_in(KEY)) == ({FIRST: DOWN}, 0, 0)
    table.replace_virtuals(compile_config(config(virtual(SITE, ONE, TWO)), KINDS).virtuals, frozenset(), adopted)
    assert table.up == 0
    table.set_administration({})
    assert table.up == 1


def test_servers_that_need_no_check_any_more_get_a_new_state_unless_they_are_in_maintenance() -> None:
    table = held(virtual(SITE, ONE, TWO))
    table.set_state(FIRST, UP)
    table.set_state(SECOND, DOWN)
    asked: list[AbstractSet[DestinationKey]] = []

    def initial(keys: AbstractSet[DestinationKey]) -> dict[DestinationKey, HealthState]:
        asked.append(set(keys))
        return adopted(keys)

    on = compile_config(config(virtual(SITE, ONE, TWO, THREE, checktype=CheckType.ON)), KINDS)
    changed = table.replace_virtuals(on.virtuals, {FIRST}, initial)
    assert (asked, set(changed)) == ([{SECOND, THIRD}], {FIRST, SECOND, THIRD})
    assert table.health == {FIRST: UP, SECOND: UP, THIRD: DOWN}
    assert table.up == 2


def test_the_first_state_is_that_of_the_last_result_or_of_the_weight_in_the_kernel() -> None:
    found = compile_config(config(virtual(SITE, ONE, TWO, THREE), virtual("10.0.0.2:80", ONE)), KINDS)
    first, second, third = found.plan
    rows: dict[Key, Row] = {row.key: row for row in (destination(SITE, ONE, 3), destination(SITE, TWO, 0))}

    def states(results: dict[Check, Result], *keys: DestinationKey) -> dict[DestinationKey, HealthState]:
        return dict(initial_states(found, results, lambda key: rows if key == KEY else {}, set(keys)))

    elsewhere = destination("10.0.0.2:80", ONE).key
    assert states({}, FIRST, SECOND, THIRD, elsewhere) == {FIRST: UP, SECOND: DOWN, THIRD: DOWN, elsewhere: DOWN}
    results = {first: down(), second: up(), third: unjudged()}
    assert states(results, FIRST, SECOND, THIRD) == {FIRST: UP, SECOND: UP, THIRD: DOWN}
    assert states({first: up()}, elsewhere, THIRD) == {elsewhere: UP, THIRD: DOWN}
    assert states({first: up()}) == {}


def test_without_checks_the_first_state_is_up() -> None:
    found = compile_config(config(virtual(SITE, ONE, checktype=CheckType.ON)), KINDS)
    assert initial_states(found, {}, lambda _: {}, {FIRST}) == {FIRST: UP}
