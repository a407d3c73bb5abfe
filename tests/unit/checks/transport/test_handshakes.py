"""So many handshakes at once, none of them for long, and nobody's time begins before its turn."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from ipaddress import ip_address

import pytest

from ldirectord_py.checks.base import Check, Target
from ldirectord_py.checks.registry import turn_for
from ldirectord_py.checks.transport import handshakes
from ldirectord_py.checks.transport.handshakes import AT_ONCE, HANDSHAKES, Handshake

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
def test_checks_over_tls_take_turns(kind: str, starttls: bool, limited: bool) -> None:
    turn = turn_for(Check(kind, replace(TARGET, starttls=starttls), 10))
    assert isinstance(turn, Handshake) is limited


async def test_a_turn_ends_with_the_check() -> None:
    async with Handshake():
        assert HANDSHAKES.taken == 1
    assert HANDSHAKES.taken == 0


async def test_servers_that_do_not_answer_keep_nobody_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handshakes, "LONGEST", 0.01)
    ends = asyncio.Event()
    most = 0

    async def hang() -> None:
        nonlocal most
        async with Handshake():
            most = max(most, HANDSHAKES.taken)
            await ends.wait()

    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        for _ in range(3 * AT_ONCE):
            group.create_task(hang())
        await asyncio.sleep(0)
        async with Handshake():
            ends.set()
    assert (most, HANDSHAKES.taken) == (AT_ONCE, 0)


async def test_who_gives_up_waiting_leaves_no_turn_taken() -> None:
    held = [Handshake() for _ in range(AT_ONCE)]
    for turn in held:
        await turn.__aenter__()
    waits = asyncio.create_task(Handshake().__aenter__())
    await asyncio.sleep(0)
    waits.cancel()
    await asyncio.gather(waits, return_exceptions=True)
    for turn in held:
        await turn.__aexit__(None, None, None)
    assert HANDSHAKES.taken == 0
