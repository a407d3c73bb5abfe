"""Runs the command of an external check in a separate process group.

::

    start --- exit ------------------------------> the exit status is the verdict; the rest of its group is ended
      +------ deadline: SIGTERM -----------------> the check is over
                  +-- TERMINATION_TIMEOUT: KILL --> reaped; only now another command may run in its place
"""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Sequence

from ldirectord_py.checks.progress import NO_COMMAND_END, NO_COMMAND_START, set_progress
from ldirectord_py.errors import CannotRun, CheckFailed
from ldirectord_py.runtime.child import TERMINATION_TIMEOUT, Child
from ldirectord_py.runtime.environment import environment
from ldirectord_py.runtime.limiter import Limiter
from ldirectord_py.runtime.output import Output
from ldirectord_py.runtime.process_groups import ProcessGroups

GROUPS = ProcessGroups()
"""The process groups of all commands, including those that are being ended."""

_logger = logging.getLogger(__name__)
_endings: set[asyncio.Task[None]] = set()
_spawning = Limiter(1)


async def run(command: Sequence[str], limiter: Limiter) -> str:
    """Return the last line of output of a command that ends with status 0; raises CheckFailed for others.

    Raises Inconclusive if it cannot be started. Afterwards its processes are ended and reaped in the background, and
    count against the limit until then.
    """
    set_progress(NO_COMMAND_START)
    output = Output()
    try:
        child = await _start(command, output)
        try:
            status = await _status(child, output)
        except BaseException:
            _end_in_background(child, limiter)
            raise
        if child.signal(0):
            _end_in_background(child, limiter)
        else:
            GROUPS.remove(child.pid)
        return _verdict(status, output)
    finally:
        output.close()


async def _status(child: Child, output: Output) -> int:
    """Return the exit status of a command that was just started."""
    GROUPS.add(child.pid)
    output.close_write_end()
    set_progress(NO_COMMAND_END)
    try:
        return await child.wait()
    except asyncio.CancelledError:
        set_progress(f"{NO_COMMAND_END}{_quoted_line(output)}")
        raise


async def all_ended() -> None:
    """Wait until all commands that are being ended have ended."""
    await asyncio.gather(*_endings, return_exceptions=True)


async def _start(command: Sequence[str], output: Output) -> Child:
    """Start one command at a time; the event loop gets a turn between two of them."""
    async with _spawning:
        await asyncio.sleep(0)
        try:
            return Child(command, environment(), stdout=output.write)
        except OSError as error:
            raise CannotRun(command[0], error) from None
        except ValueError as error:
            raise CheckFailed(f"cannot run {command[0]}: {error}") from None


def _verdict(status: int, output: Output) -> str:
    """Return the last line or the status; raises CheckFailed unless the status is 0."""
    if status == 0:
        return output.last_line() or "exit status 0"
    raise CheckFailed((f"exit status {status}" if status > 0 else f"killed by signal {-status}") + _quoted_line(output))


def _quoted_line(output: Output) -> str:
    """Return the last line of output in quotes, for a reason; "" if there is none."""
    line = output.last_line()
    return f': "{line}"' if line else ""


def _end_in_background(child: Child, limiter: Limiter) -> None:
    """End a command and its group in the background; it counts against the limit until it has ended."""
    child.signal(signal.SIGTERM)
    limiter.acquire_beyond_limit()
    _endings.add(ending := asyncio.create_task(_end(child)))
    ending.add_done_callback(_endings.discard)
    ending.add_done_callback(lambda _: limiter.release())
    ending.add_done_callback(lambda _: GROUPS.remove(child.pid))


async def _end(child: Child) -> None:
    """Wait for a group that got SIGTERM, kill the rest of it, and reap the command."""
    cancelled = False
    try:
        reaped = await child.kill_after(TERMINATION_TIMEOUT)
    except asyncio.CancelledError:  # the event loop ends, after this task
        cancelled = True
        reaped = await child.wait_at_most(TERMINATION_TIMEOUT) is not None
    if not reaped:
        _logger.warning("Process %d of an external check does not end, even killed; is a disk hanging?", child.pid)
        if not cancelled:
            await child.wait()
