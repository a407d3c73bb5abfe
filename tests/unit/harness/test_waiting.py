"""What tests wait for has its time while this host runs."""

from __future__ import annotations

import pytest

from harness import waiting
from harness.waiting import MAX_PAUSE, Patience, wait_for


class Clock:
    now = 50.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    monkeypatch.setattr(waiting, "time", clock := Clock())
    return clock


def test_patience_is_over_after_its_seconds(clock: Clock) -> None:
    patience = Patience(2.5)
    for _ in range(5):
        clock.now += 0.5
        assert not patience.is_over
    clock.now += 0.5
    assert patience.is_over


def test_a_pause_of_this_host_counts_little(clock: Clock) -> None:
    patience = Patience(2 * MAX_PAUSE)
    clock.now += 3600
    assert not patience.is_over
    clock.now += 0.9
    assert not patience.is_over
    clock.now += 0.2
    assert patience.is_over


def test_a_wait_ends_after_its_time(clock: Clock) -> None:
    with pytest.raises(TimeoutError):
        wait_for(lambda: False, 5)
    assert clock.now == pytest.approx(55, abs=0.1)
