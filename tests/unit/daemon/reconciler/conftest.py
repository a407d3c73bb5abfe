"""A clock for the tests of this folder."""

from __future__ import annotations

import asyncio

import pytest


@pytest.fixture
async def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return a list of one number, which is the time of the loop."""
    time = [1000.0]
    monkeypatch.setattr(asyncio.get_running_loop(), "time", lambda: time[0])
    return time
