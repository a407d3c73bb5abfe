"""The interval of a check, by its verdicts; and that a settled check is back in its slots."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ldirectord_py.daemon.probing.pacing import Pacing
from ldirectord_py.health import Pace, Rules, Verdict

UP, DOWN, NONE = Verdict.UP, Verdict.DOWN, Verdict.NONE


def test_a_verdict_that_changes_no_interval_changes_no_slot() -> None:
    pacing = Pacing(Pace(1, 20, Rules(2, 2)), 10, 3.0)
    assert [pacing.due_after(verdict, 3.0) for verdict in (UP, NONE, UP, UP)] == [4.0, None, 13.0, None]


@given(
    verdicts=st.lists(st.sampled_from([UP, DOWN, NONE]), max_size=50),
    interval=st.sampled_from([0.1, 0.7, 1.0, 10.0]),
    pace=st.builds(
        Pace,
        st.sampled_from([None, 0.1, 0.3]),
        st.sampled_from([None, 0.2, 60.0]),
        st.builds(Rules, st.integers(1, 4), st.integers(1, 4)),
    ),
    slot=st.floats(0, 100),
)
def test_a_settled_check_is_in_its_slots_and_no_probe_is_later_than_the_interval(
    verdicts: list[Verdict], interval: float, pace: Pace, slot: float
) -> None:
    pacing = Pacing(pace, interval, slot)
    due = slot
    for verdict in [*verdicts, *([UP] * pace.rules.rise)]:
        began, due = due, due + pacing.interval
        changed = pacing.due_after(verdict, began)
        if changed is not None:
            due = changed
        assert began < due <= began + pacing.interval + 1e-6
    slots = (due - slot) / interval
    assert pacing.interval == interval
    assert slots == pytest.approx(round(slots), abs=1e-4)
