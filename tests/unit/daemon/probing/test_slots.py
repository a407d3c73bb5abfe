"""Which checks begin together, and that they are spread evenly."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ldirectord_py.checks.limits import MAX_HANDSHAKES
from ldirectord_py.daemon.probing.slots import MAX_GRID, MAX_GROUP, Slots, slot_grid
from ldirectord_py.runtime.timer_wheel import TICK


@pytest.mark.parametrize(
    ("checks", "interval", "grid"),
    [
        (0, 10, 1 / 4),
        (1, 10, 1 / 4),
        (1000, 10, 1 / 4),
        (400, 2, 1 / 4),
        (5000, 10, 1 / 8),
        (2000, 2, 1 / 16),
        (10_000, 1, TICK),
    ],
)
def test_the_fewer_checks_a_second_the_wider_the_grid(checks: int, interval: float, grid: float) -> None:
    assert slot_grid([interval] * checks) == grid


@given(checks=st.integers(1, 20_000), interval=st.sampled_from([1, 2, 5, 10, 60]))
def test_no_more_checks_begin_together_than_one_tick_or_a_group_has(checks: int, interval: int) -> None:
    grid = slot_grid([interval] * checks)
    assert TICK <= grid <= MAX_GRID
    slots = Slots()
    groups = Counter(slots.next_slot(interval, grid, after=0.0) for _ in range(checks))
    assert max(groups.values()) <= max(MAX_GROUP, TICK * checks / interval) + 3  # as even as a golden ratio makes it


def test_checks_over_tls_that_begin_together_wait_for_no_handshake() -> None:
    assert MAX_GROUP <= MAX_HANDSHAKES


@given(
    interval=st.one_of(st.integers(1, 3600), st.sampled_from([0.1, 0.15, 0.3, 0.5, 0.9])),
    grid=st.sampled_from([TICK, 1 / 16, 1 / 8, 1 / 4]),
    after=st.floats(0, 1e6),
)
def test_a_slot_is_on_the_grid_and_within_an_interval(interval: float, grid: float, after: float) -> None:
    due = Slots().next_slot(interval, grid, after)
    assert after < due + 1e-9
    assert due <= after + interval + 1e-9
    if interval % grid == 0:
        assert due % grid == 0
