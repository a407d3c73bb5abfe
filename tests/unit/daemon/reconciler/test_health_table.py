"""Servers of virtuals that have not changed keep their states, and the counts are those of the states."""

from __future__ import annotations

from collections import Counter
from collections.abc import Set as AbstractSet

from hypothesis import given
from hypothesis import strategies as st

from builders import KINDS, config, virtual
from ldirectord_py.config.model import CheckType, Config
from ldirectord_py.daemon.reconciler.compiled_config import CompiledConfig, compile_config
from ldirectord_py.daemon.reconciler.health_table import HealthTable
from ldirectord_py.health import HealthState, Rules, Verdict
from ldirectord_py.ipvs.table import DestinationKey

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
            table.observe(keys[index % len(keys)], verdict, Rules())
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
