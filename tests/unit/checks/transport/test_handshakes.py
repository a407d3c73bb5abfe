"""The limit on handshakes: none holds its room for long."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from ipaddress import ip_address

import pytest

from ldirectord_py.checks.base import Check, Target
from ldirectord_py.checks.limits import MAX_HANDSHAKES, CheckLimits
from ldirectord_py.checks.registry import room_for
from ldirectord_py.checks.transport import handshakes
from ldirectord_py.checks.transport.handshakes import Handshake
from ldirectord_py.runtime.limiter import Limiter

TARGET = Target(ip_address("192.0.2.1"), 443, 5)


@pytest.mark.parametrize(
    ("kind", "starttls", "limited"),
    [
        ("https", False, True),
        ("imaps", False, True),
        ("smtp", False, False),
        ("smtp", True, True),
        ("http", False, False),
        ("connect", False, False),
    ],
)
def test_checks_over_tls_are_limited(kind: str, starttls: bool, limited: bool) -> None:
    room = room_for(Check(kind, replace(TARGET, starttls=starttls), 10), CheckLimits())
    assert isinstance(room, Handshake) is limited


async def test_the_room_is_released_with_the_check() -> None:
    limiter = Limiter(1)
    for _ in range(3):
        async with Handshake(limiter):
            assert limiter.acquired == 1
        assert limiter.acquired == 0


async def test_servers_that_do_not_answer_keep_nobody_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handshakes, "MAX_HOLD", 0.01)
    ends, limiter = asyncio.Event(), Limiter(MAX_HANDSHAKES)
    most = 0

    async def hang() -> None:
        nonlocal most
        async with Handshake(limiter):
            most = max(most, limiter.acquired)
            await ends.wait()

    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        for _ in range(3 * MAX_HANDSHAKES):
            group.create_task(hang())
        await asyncio.sleep(0)
        async with Handshake(limiter):
            ends.set()
    assert (most, limiter.acquired) == (MAX_HANDSHAKES, 0)


async def test_after_a_probe_that_took_long_the_room_is_held_for_a_shorter_time() -> None:
    limiter = Limiter(1)
    handshake = Handshake(limiter)
    async with handshake:
        await asyncio.sleep(handshakes.MAX_HOLD + 0.05)
        assert limiter.acquired == 0
    async with handshake:
        assert limiter.acquired == 1
        await asyncio.sleep(handshakes.MAX_REPEATED_HOLD + 0.03)
        assert limiter.acquired == 0
    async with handshake:  # and as long as before once it is quick again
        await asyncio.sleep(handshakes.MAX_REPEATED_HOLD + 0.03)
        assert limiter.acquired == 1


async def test_one_that_gives_up_waiting_holds_no_room() -> None:
    limiter = Limiter(MAX_HANDSHAKES)
    held = [Handshake(limiter) for _ in range(MAX_HANDSHAKES)]
    assert all(handshake.try_acquire() for handshake in held)
    waits = asyncio.create_task(Handshake(limiter).__aenter__())
    await asyncio.sleep(0)
    waits.cancel()
    await asyncio.gather(waits, return_exceptions=True)
    for handshake in held:
        handshake.release()
    assert limiter.acquired == 0
