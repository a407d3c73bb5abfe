"""``service = pop``: the server greets with +OK, and takes the login where one is set."""

from __future__ import annotations

from ldirectord_py.checks.base import Kind, Target
from ldirectord_py.checks.stream import Stream, connect
from ldirectord_py.errors import CheckFailed


async def check(target: Target) -> str:
    """Return the greeting."""
    async with connect(target) as stream:
        return await talk(stream, target)


async def talk(stream: Stream, target: Target) -> str:
    """Return the greeting, once the login passed."""
    greeting = await stream.expect("+OK")
    if target.login:
        await _accepted(stream, f"USER {target.login}")
        await _accepted(stream, f"PASS {target.passwd}")
    await stream.send("QUIT")
    return greeting


async def _accepted(stream: Stream, line: str) -> None:
    """Send a line of the login; raises CheckFailed unless the server takes it."""
    await stream.send(line)
    answer = await stream.expect("+OK", "-ERR")
    if answer.upper().startswith("-ERR"):
        raise CheckFailed(f"login refused: {answer}")


KIND = Kind("pop", check, port=110, uses=frozenset({"login", "passwd"}))
