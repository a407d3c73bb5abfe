"""Run a command that judges: a process group of its own, ended as a group, its output bounded.

::

    start ---- ends ------------------> its exit status judges; what it left in its group is ended
      +------- deadline: TERM ---------> the check is over
                  +--- GRACE: KILL ----> reaped, and only now the next one may take its turn
"""

from __future__ import annotations

import asyncio
import logging
import os
import re
import shlex
import signal
from collections.abc import Mapping, Sequence

from ldirectord_py.checks.progress import set_progress
from ldirectord_py.errors import CheckFailed, Inconclusive
from ldirectord_py.runtime.child import Child
from ldirectord_py.runtime.limiter import Limiter
from ldirectord_py.runtime.output import Output
from ldirectord_py.runtime.process_groups import ProcessGroups

GRACE = 2.0
"""Seconds between SIGTERM and SIGKILL for a command that ran out of time, and for what commands leave behind."""

GROUPS = ProcessGroups()
"""The process groups of all commands, those included that are being ended."""

WITHHELD = ("NOTIFY_", "WATCHDOG_", "LISTEN_", "JOURNAL_", "CREDENTIALS_", "MEMORY_PRESSURE_", "INVOCATION_ID")
"""How the variables begin that a service manager means for the daemon alone."""

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""Where commands find programs when the daemon has no PATH."""

_PLAIN = re.compile(r"[^\s'\"\\]*").fullmatch
_logger = logging.getLogger(__name__)
_endings: set[asyncio.Task[None]] = set()
_spawning = Limiter(1)


def environment(ours: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a command: the daemon's, but for what a service manager tells the daemon."""
    return {"PATH": PATH} | {name: value for name, value in ours.items() if not name.startswith(WITHHELD)}


def split(command: str) -> list[str]:
    """Return the words of a command as a shell would take them; the path of a file that is there is one word.

    Raises ValueError where a quote is not closed.
    """
    if not _PLAIN(command) and os.path.isfile(command):  # noqa: PTH113  Path.is_file raises for a long name
        return [command]
    return shlex.split(command)


async def run(command: Sequence[str], limiter: Limiter) -> str:
    """Return the command's last line if it ends with status 0; raises CheckFailed if not.

    Raises Inconclusive when it cannot be started. However the run ends, its processes are ended and reaped behind it;
    until then they count against the limit.
    """
    output = Output()
    try:
        child = await _start(command, output)
        try:
            status = await _status(child, output)
        except BaseException:
            _end_behind(child, limiter)
            raise
        if child.signal(0):
            _end_behind(child, limiter)
        else:
            GROUPS.remove(child.pid)
        return _word(status, output)
    finally:
        output.close()


async def _status(child: Child, output: Output) -> int:
    """Return the exit status of a command that has just been started."""
    GROUPS.add(child.pid)
    output.close_write_end()
    set_progress("the command has not ended")
    try:
        return await child.wait()
    except asyncio.CancelledError:
        set_progress(f"the command has not ended{_said(output)}")
        raise


async def all_ended() -> None:
    """Return once nothing is left of the commands that have been told to end."""
    await asyncio.gather(*_endings, return_exceptions=True)


async def _start(command: Sequence[str], output: Output) -> Child:
    """Start one command at a time, so that the loop has a moment for others between two of them."""
    async with _spawning:
        await asyncio.sleep(0)
        try:
            return Child(command, output.write, environment(os.environ))
        except OSError as error:
            raise Inconclusive(f"cannot run {command[0]}: {(error.strerror or str(error)).lower()}") from None
        except ValueError as error:
            raise CheckFailed(f"cannot run {command[0]}: {error}") from None


def _word(status: int, output: Output) -> str:
    """Return the word for a status of 0; raises CheckFailed for others."""
    if status == 0:
        return output.last_line() or "exit status 0"
    raise CheckFailed((f"exit status {status}" if status > 0 else f"killed by signal {-status}") + _said(output))


def _said(output: Output) -> str:
    """Return the last line in quotes for a reason, if there is one."""
    line = output.last_line()
    return f': "{line}"' if line else ""


def _end_behind(child: Child, limiter: Limiter) -> None:
    """End a command and all of its group, without a wait; it counts against the limit until it is gone."""
    child.signal(signal.SIGTERM)
    limiter.acquire_beyond_limit()
    _endings.add(ending := asyncio.create_task(_end(child)))
    ending.add_done_callback(_endings.discard)
    ending.add_done_callback(lambda _: limiter.release())
    ending.add_done_callback(lambda _: GROUPS.remove(child.pid))


async def _end(child: Child) -> None:
    """Wait for the end of a group that has been told to end, kill what is left of it, and reap the command."""
    leaving = False
    try:
        await child.wait_for_group(GRACE)
    except asyncio.CancelledError:  # the loop ends, and waits for us as long as it must
        leaving = True
    child.signal(signal.SIGKILL)
    try:
        async with asyncio.timeout(GRACE):
            await child.wait()
    except TimeoutError:
        _logger.warning("Process %d of an external check does not end, even killed; is a disk hanging?", child.pid)
        if not leaving:
            await child.wait()
