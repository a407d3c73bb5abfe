"""How late the event loop is."""

from __future__ import annotations

import asyncio
import time

import pytest

from ldirectord_py.runtime import loop_lag
from ldirectord_py.runtime.loop_lag import LAG_BOUNDS, LoopLag


def test_samples_are_counted_in_buckets() -> None:
    lag = LoopLag()
    for seconds in (0.0, 0.001, 0.02, 7.0):
        lag.add(seconds)
    assert len(lag.counts) == len(LAG_BOUNDS) + 1
    assert (lag.counts[0], lag.counts[4], lag.counts[-1], sum(lag.counts)) == (2, 1, 1, 4)
    assert lag.seconds == pytest.approx(7.021)


async def test_a_turn_that_takes_long_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop_lag, "SAMPLE_INTERVAL", 0.01)
    lag = LoopLag()
    sampling = asyncio.create_task(lag.run())
    await asyncio.sleep(0.02)
    time.sleep(0.3)  # noqa: ASYNC251
    await asyncio.sleep(0.02)
    sampling.cancel()
    assert sum(lag.counts[-4:]) >= 1
    assert lag.seconds > 0.2
