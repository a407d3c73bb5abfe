from __future__ import annotations

import asyncio
from ipaddress import ip_address

import pytest

from ldirectord_py.checks.base import Target
from ldirectord_py.checks.checktypes.combined import Combined
from ldirectord_py.errors import CheckFailed

TARGET = Target(ip_address("192.0.2.1"), 80, 5.0)


class Script:
    """Both checks of a combined one: which were run, and which are to fail."""

    def __init__(self) -> None:
        self.ran: list[str] = []
        self.failing: set[str] = set()

    async def negotiate(self, _: Target) -> str:
        return self._run("N")

    async def connect(self, _: Target) -> str:
        return self._run("c")

    def _run(self, letter: str) -> str:
        self.ran.append(letter)
        if letter in self.failing:
            raise CheckFailed(letter)
        return letter

    async def rounds(self, check: Combined, count: int) -> str:
        self.ran.clear()
        for _ in range(count):
            try:
                await check(TARGET)
            except CheckFailed:
                self.ran[-1] += "!"
        return " ".join(self.ran)


def combined(script: Script, connects: int) -> Combined:
    return Combined(script.negotiate, script.connect, connects, 5.0)


async def test_a_negotiation_comes_first_and_after_each_n_connects() -> None:
    script = Script()
    assert await script.rounds(combined(script, 2), 7) == "N c c N c c N"


async def test_zero_connects_always_negotiates() -> None:
    script = Script()
    assert await script.rounds(combined(script, 0), 3) == "N N N"


async def test_a_failed_negotiation_is_repeated() -> None:
    script = Script()
    check = combined(script, 2)
    script.failing = {"N"}
    assert await script.rounds(check, 2) == "N! N!"
    script.failing = set()
    assert await script.rounds(check, 4) == "N c c N"


async def test_a_failed_connect_calls_for_a_negotiation() -> None:
    script = Script()
    check = combined(script, 3)
    await script.rounds(check, 1)
    script.failing = {"c"}
    assert await script.rounds(check, 2) == "c! N"


async def test_a_connect_has_a_separate_deadline() -> None:
    async def hang(_: Target) -> str:
        await asyncio.Event().wait()
        return "never"

    script = Script()
    check = Combined(script.negotiate, hang, 1, 0.05)
    await check(TARGET)
    with pytest.raises(CheckFailed, match=r"^no answer within 0\.05 s"):
        await check(TARGET)
