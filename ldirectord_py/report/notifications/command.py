"""``notify``: a command that reads events on its standard input, a JSON object on each line."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Final

from ldirectord_py.report.commands.command import COMMAND_TIMEOUT, run
from ldirectord_py.report.event_fields import Fields
from ldirectord_py.report.notifications.transport import SendGroup
from ldirectord_py.runtime.environment import split
from ldirectord_py.runtime.json_lines import encode_json
from ldirectord_py.runtime.limiter import Limiter
from ldirectord_py.runtime.text import error_text

CONCURRENT_NOTIFIERS: Final = Limiter(4)
"""Limits the commands that run at the same time; of each there is one at a time."""


@asynccontextmanager
async def command_transport(command: str) -> AsyncIterator[SendGroup]:
    """Run a command line, split as a shell splits it, once for each group of events."""
    yield partial(_run, command)


async def _run(command: str, group: Sequence[Fields]) -> str:
    try:
        words = split(command)
    except ValueError as error:
        return error_text(error).lower()
    data = "".join(f"{encode_json(fields)}\n" for fields in group).encode()
    async with CONCURRENT_NOTIFIERS:
        return await run(words, COMMAND_TIMEOUT, data)
