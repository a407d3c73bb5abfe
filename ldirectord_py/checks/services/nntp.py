"""``service = nntp``: the greeting starts with 2."""

from __future__ import annotations

from ldirectord_py.checks.base import Kind, Target
from ldirectord_py.checks.protocols.replies import STATUSES
from ldirectord_py.checks.transport.stream import connect


async def check(target: Target) -> str:
    """Return the greeting."""
    async with connect(target) as stream:
        return await stream.expect("2", refusals=STATUSES)


KIND = Kind("nntp", check, port=119)
