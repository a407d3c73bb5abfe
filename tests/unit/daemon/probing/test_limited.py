from __future__ import annotations

import asyncio
from ipaddress import ip_address

from harness.fakes.scripted import closed_port
from ldirectord_py.checks.base import Check, Result, Target
from ldirectord_py.checks.limits import CheckLimits
from ldirectord_py.daemon.probing.limited import limited_prober
from ldirectord_py.runtime.limiter import Limiter


async def test_the_checks_share_the_limits_of_their_prober() -> None:
    limits = CheckLimits()
    limits.commands = Limiter(0)  # no command gets a turn
    prober = limited_prober(lambda _, result: results.append(result), limits)
    results: list[Result] = []
    command = Target(ip_address("127.0.0.1"), 80, 5.0, command="true")
    prober.set_checks(
        [
            Check("external", command, 60.0),
            Check("connect", Target(ip_address("127.0.0.1"), closed_port(), 5.0), 60.0),
        ]
    )
    async with asyncio.timeout(10):
        while not results:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)
        assert [result.reason for result in results] == ["connect refused"]
        limits.commands.limit = 1
        while len(results) < 2:
            await asyncio.sleep(0.01)
    await prober.close()
    assert results[1].code == "PROCOK"
