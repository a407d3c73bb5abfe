"""What the meter counts, on a clock turned by hand."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

import pytest

from ldirectord_py.runtime import stalls
from ldirectord_py.runtime.stalls import BEAT_INTERVAL, MAX_NOISE, MIN_STALL, RunQueue, StallMeter


class Clock:
    """A loop whose time stands until ``pass_by``; what is due is called then, as late as that is."""

    def __init__(self) -> None:
        self.now = 100.0
        self.timers: list[tuple[float, Callable[[], object]]] = []

    def time(self) -> float:
        return self.now

    def call_at(self, when: float, callback: Callable[[], object]) -> None:
        self.timers.append((when, callback))

    def pass_by(self, seconds: float) -> None:
        self.now += seconds
        due = [call for when, call in self.timers if when <= self.now]
        self.timers = [(when, call) for when, call in self.timers if when > self.now]
        for call in due:
            call()


def meter_of(clock: Clock) -> StallMeter:
    return StallMeter(cast("asyncio.AbstractEventLoop", clock))


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    monkeypatch.setattr(stalls, "_SCHEDSTAT", "/nowhere")
    return Clock()


def test_beats_in_time_and_noise_count_nothing(clock: Clock) -> None:
    meter = meter_of(clock)
    before = meter.watch()
    for _ in range(100):
        clock.pass_by(BEAT_INTERVAL + MAX_NOISE / 2)
    assert meter.since(before) == (0, 0)


def test_a_stall_before_the_watch_began_does_not_count(clock: Clock) -> None:
    meter = meter_of(clock)
    meter.watch()
    clock.now += BEAT_INTERVAL + 1.5  # the beat has not come yet
    before = meter.watch()
    clock.pass_by(0)
    assert meter.since(before) == (0, 0)


def test_a_stall_counts_as_a_whole_however_many_watches_begin_in_it(clock: Clock) -> None:
    meter = meter_of(clock)
    before = meter.watch()
    clock.now += BEAT_INTERVAL
    for _ in range(100):
        clock.now += 0.004
        meter.watch()
        meter.unwatch()
    assert meter.since(before) == pytest.approx((0.4, 0.4))
    assert meter.stalls == 1


def test_a_stall_counts_from_when_its_beat_was_due_and_once(clock: Clock) -> None:
    meter = meter_of(clock)
    before = meter.watch()
    clock.now += BEAT_INTERVAL + 1.5
    assert meter.since(before) == pytest.approx((1.5, 1.5))
    clock.pass_by(0)
    assert meter.since(before) == pytest.approx((1.5, 1.5))
    clock.pass_by(BEAT_INTERVAL + 0.2)
    assert meter.since(before)[1] == pytest.approx(1.7)
    assert meter.stalls == 2
    assert meter.stalled_seconds == pytest.approx(1.7)


def test_a_busy_loop_misses_time_and_does_not_stand_still(clock: Clock) -> None:
    meter = meter_of(clock)
    before = meter.watch()
    for _ in range(10):
        clock.pass_by(BEAT_INTERVAL + MIN_STALL / 2)
    assert meter.since(before) == pytest.approx((5 * MIN_STALL, 0))
    assert (meter.stalls, meter.stalled_seconds) == (0, 0)


def test_it_beats_only_while_somebody_watches(clock: Clock) -> None:
    meter = meter_of(clock)
    meter.watch()
    meter.watch()
    meter.unwatch()
    clock.pass_by(BEAT_INTERVAL)
    assert len(clock.timers) == 1
    meter.unwatch()
    clock.pass_by(BEAT_INTERVAL)
    assert clock.timers == []
    clock.pass_by(3600)
    assert (meter.watch(), len(clock.timers)) == ((0, 0), 1)


def test_waits_for_a_processor_count_as_missed(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    waits = iter([9.0, 0.02, 0.001])
    monkeypatch.setattr(RunQueue, "waited", lambda _: next(waits, 0.0))
    meter = meter_of(clock)
    before = meter.watch()
    clock.pass_by(BEAT_INTERVAL + MAX_NOISE / 5)
    clock.pass_by(BEAT_INTERVAL + MAX_NOISE / 5)
    assert meter.since(before) == pytest.approx((0.02, 0))


def test_the_kernel_tells_how_long_a_thread_waited_for_a_processor() -> None:
    queue = RunQueue()
    assert queue.waited() >= 0
    assert queue.waited() >= 0


def test_without_the_kernels_word_nothing_was_waited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stalls, "_SCHEDSTAT", "/nowhere")
    assert RunQueue().waited() == 0
