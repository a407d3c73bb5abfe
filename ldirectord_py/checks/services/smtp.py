"""``service = smtp``: the server greets with 220 and takes our EHLO or HELO."""

from __future__ import annotations

from ldirectord_py.checks.base import Kind, Target
from ldirectord_py.checks.stream import connect


async def check(target: Target) -> str:
    """Return the greeting."""
    async with connect(target) as stream:
        greeting = await stream.reply("2")
        answer = await stream.command("EHLO localhost.localdomain", "2", "5")
        if answer.startswith("5"):
            await stream.command("HELO localhost.localdomain", "2")
        await stream.send("QUIT")
        return greeting


KIND = Kind("smtp", check, port=25)
