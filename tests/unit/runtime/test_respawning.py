"""What ends is run again: at once if it ran for a while, else after a delay that doubles."""

from __future__ import annotations

import asyncio

import pytest

from ldirectord_py.runtime import respawning
from ldirectord_py.runtime.respawning import run_again_and_again


async def delays(seconds: list[float], monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return what is reported while it runs for so many seconds, one time after the other."""
    monkeypatch.setattr(respawning, "STABLE_TIME", 0.2)
    monkeypatch.setattr(respawning, "MIN_DELAY", 0.01)
    monkeypatch.setattr(respawning, "MAX_DELAY", 0.03)
    left, reported, done = list(seconds), list[str](), asyncio.Event()

    async def run_once() -> str:
        if not left:
            done.set()
            await asyncio.Event().wait()
        await asyncio.sleep(left.pop(0))
        return "it ended"

    def report(reason: str, when: str) -> None:
        assert reason == "it ended"
        reported.append(when)

    task = asyncio.create_task(run_again_and_again(run_once, report))
    async with asyncio.timeout(10):
        await done.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return reported


async def test_the_delay_doubles_and_begins_again_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = [" in 0.01 s", " in 0.02 s", " in 0.03 s", "", " in 0.01 s"]
    assert await delays([0, 0, 0, 0.4, 0], monkeypatch) == expected
