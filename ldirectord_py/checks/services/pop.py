"""``service = pop``: the server greets with +OK, and takes the login where one is set."""

from __future__ import annotations

from ldirectord_py.checks.base import Kind, Target
from ldirectord_py.checks.stream import Stream, connect


async def check(target: Target) -> str:
    """Return the greeting."""
    async with connect(target) as stream:
        return await talk(stream, target)


async def talk(stream: Stream, target: Target) -> str:
    """Return the greeting, once the login passed."""
    greeting = await stream.expect("+OK")
    if target.login:
        await stream.send(f"USER {target.login}")
        await stream.expect("+OK")
        await stream.send(f"PASS {target.passwd}")
        await stream.expect("+OK")
    await stream.send("QUIT")
    return greeting


KIND = Kind("pop", check, port=110, uses=frozenset({"login", "passwd"}))
