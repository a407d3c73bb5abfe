"""Running the commands of ``fallbackcommand``, ``callback`` and ``execute``.

Their output is discarded, since processes that they start may go on to print. Processes that a command leaves behind
are left alone, unless the command exceeds its time: then its whole process group is ended.
"""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Sequence
from typing import Final

from ldirectord_py.runtime.child import TERMINATION_TIMEOUT, Child, input_file
from ldirectord_py.runtime.environment import environment, split
from ldirectord_py.runtime.limiter import Limiter
from ldirectord_py.runtime.text import error_text

COMMAND_TIMEOUT: Final = 60.0
"""Seconds that a command may take, unless the caller sets another limit."""

CONCURRENT_COMMANDS: Final = Limiter(10)
"""Limits the commands that run at the same time; the time of a command begins when it is its turn."""

_spawning = Limiter(1)

logger = logging.getLogger(__name__)


async def run_command_line(command: str, *arguments: str) -> bool:
    """Run a command line, split as a shell splits it, with ``arguments`` added; see ``run_command``."""
    try:
        words = split(command)
    except ValueError as error:
        logger.error("system(%s) failed: %s", command, str(error).lower())
        return False
    return await run_command((*words, *arguments))


async def run_command(words: Sequence[str], seconds: float = COMMAND_TIMEOUT) -> bool:
    """Return whether the command ended with status 0; a failure is logged."""
    shown = " ".join(words)
    logger.debug("Running system(%s)", shown)
    async with CONCURRENT_COMMANDS:
        failure = await run(words, seconds)
    if failure:
        logger.error("system(%s) failed: %s", shown, failure)
    return not failure


async def run(words: Sequence[str], seconds: float, data: bytes = b"") -> str:
    """Return how the command failed, or nothing if it ended with status 0. A cancellation leaves it running.

    ``data`` is its standard input.
    """
    try:
        async with _spawning:  # the loop gets a turn between two of them
            child = _start(words, data)
            await asyncio.sleep(0)
    except (OSError, ValueError, IndexError) as error:  # ValueError: a NUL character; IndexError: no words
        return error_text(error).lower()
    try:
        status = await child.wait_at_most(seconds)
    except Exception:
        await _terminate(child)
        raise
    if status is None:
        return f"not done within {seconds:g} s, {await _terminate(child)}"
    if status < 0:
        return f"killed by signal {-status}"
    return f"exit status {status}" if status else ""


def _start(words: Sequence[str], data: bytes) -> Child:
    if not data:
        return Child(words, environment())
    with input_file(data) as stdin:
        return Child(words, environment(), stdin=stdin)


async def _terminate(child: Child) -> str:
    """End the command and its process group; return the result for the log."""
    child.signal(signal.SIGTERM)
    return "ended" if await child.kill_after(TERMINATION_TIMEOUT) else "and does not end, even killed"
