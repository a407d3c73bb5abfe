"""Run a command that acts: a fallbackcommand, a callback, the daemon of an ``execute``.

What it prints goes nowhere, since what it starts may live on and print. What it leaves behind is left, unless it runs
out of time: then its whole process group is ended.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import subprocess
from collections.abc import Sequence
from typing import Final

from ldirectord_py.checks.checktypes.command import GRACE, environment, split
from ldirectord_py.runtime.child import Child
from ldirectord_py.runtime.limiter import Limiter

COMMAND_TIMEOUT: Final = 60.0
"""Seconds that a command may take, unless it is told otherwise."""

CONCURRENT_COMMANDS: Final = Limiter(10)
"""The commands of this kind that are under way; the others wait, their time not yet begun."""

_spawning = Limiter(1)

logger = logging.getLogger(__name__)


async def run_command_line(command: str, *told: str) -> bool:
    """Act by a command line of the configuration, split as a shell would but seen by none, and what it is told."""
    try:
        words = split(command)
    except ValueError as error:
        logger.error("system(%s) failed: %s", command, str(error).lower())
        return False
    return await run_command((*words, *told))


async def run_command(words: Sequence[str], seconds: float = COMMAND_TIMEOUT) -> bool:
    """Return whether the command ended with status 0; if not, the log says how it failed."""
    shown = " ".join(words)
    logger.debug("Running system(%s)", shown)
    async with CONCURRENT_COMMANDS:
        failure = await run(words, seconds)
    if failure:
        logger.error("system(%s) failed: %s", shown, failure)
    return not failure


async def run(words: Sequence[str], seconds: float) -> str:
    """Return how the command failed, or nothing if it ended with status 0. Cancelled, it leaves the command alone."""
    try:
        async with _spawning:  # and a moment for others between two of them
            child = Child(words, subprocess.DEVNULL, environment(os.environ))
            await asyncio.sleep(0)
    except (OSError, ValueError, IndexError) as error:  # ValueError: a NUL; IndexError: no word at all
        return str(getattr(error, "strerror", None) or error).lower()
    try:
        async with asyncio.timeout(seconds):
            status = await child.wait()
    except TimeoutError:
        return f"not done within {seconds:g} s, {await _terminate(child)}"
    except Exception:
        await _terminate(child)
        raise
    if status < 0:
        return f"killed by signal {-status}"
    return f"exit status {status}" if status else ""


async def _terminate(child: Child) -> str:
    """End the command and all of its group; return what became of it."""
    child.signal(signal.SIGTERM)
    try:
        await child.wait_for_group(GRACE)
    finally:
        child.signal(signal.SIGKILL)
    try:
        async with asyncio.timeout(GRACE):
            await child.wait()
    except TimeoutError:
        return "and does not end, even killed"
    return "ended"
