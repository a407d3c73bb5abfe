"""How a weight rises: nothing here has a clock of its own."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ldirectord_py.slow_start import WHOLE, Ramp, partial_weight

weights = st.integers(0, 65535)
tenths = st.integers(1, WHOLE)
ramps = st.builds(Ramp, st.floats(0, 1e6), st.floats(0.1, 86400))


def test_it_rises_from_a_tenth_to_the_whole_in_nine_steps() -> None:
    ramp = Ramp(100.0, 90.0)
    assert [ramp.tenths(100.0 + 10 * step) for step in range(11)] == [*range(1, 11), 10]
    assert [ramp.tenths(now) for now in (99.0, 100.0, 109.9, 110.0, 189.9, 190.0, 1e9)] == [1, 1, 1, 2, 9, 10, 10]


@given(ramp=ramps, has=st.integers(1, WHOLE - 1))
def test_the_next_step_is_taken_when_the_time_of_the_former_one_is_over(ramp: Ramp, has: int) -> None:
    assert ramp.tenths(ramp.until(has)) == has + 1
    assert ramp.tenths(ramp.begin) == 1
    assert ramp.tenths(ramp.begin + ramp.seconds) == WHOLE


@given(ramp=ramps, moments=st.lists(st.floats(0, 2e6), max_size=20))
def test_it_never_falls_and_stays_within_its_bounds(ramp: Ramp, moments: list[float]) -> None:
    found = [ramp.tenths(now) for now in sorted(moments)]
    assert all(before <= after for before, after in pairwise(found))
    assert all(1 <= each <= WHOLE for each in found)


@given(weight=weights)
def test_no_weight_is_written_more_than_ten_times_or_falls_below_one(weight: int) -> None:
    found = [partial_weight(weight, each) for each in range(1, WHOLE + 1)]
    assert len(set(found)) <= WHOLE
    assert found == sorted(found)
    assert found[-1] == weight
    assert all(each >= 1 for each in found) or weight == 0


@pytest.mark.parametrize(("weight", "found"), [(0, [0] * 10), (1, [1] * 10), (3, [1] * 6 + [2, 2, 2, 3])])
def test_small_weights(weight: int, found: list[int]) -> None:
    assert [partial_weight(weight, each) for each in range(1, WHOLE + 1)] == found


@given(weight=weights, has=tenths)
def test_a_weight_is_never_more_than_its_share(weight: int, has: int) -> None:
    assert partial_weight(weight, has) <= max(1, weight * has / WHOLE)
