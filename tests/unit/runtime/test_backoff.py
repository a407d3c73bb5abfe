"""Delays between attempts double up to a maximum, and start again after a reset."""

from __future__ import annotations

from ldirectord_py.runtime.backoff import Backoff


def test_delays_double_up_to_the_maximum() -> None:
    backoff = Backoff(0.5, 3)
    assert [backoff.next_delay() for _ in range(5)] == [0.5, 1, 2, 3, 3]


def test_a_reset_starts_again_with_the_minimum() -> None:
    backoff = Backoff(0.5, 3)
    backoff.next_delay()
    backoff.next_delay()
    backoff.reset()
    assert backoff.next_delay() == 0.5
