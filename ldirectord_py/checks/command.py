"""Run a command that judges: a process group of its own, ended as a group, its output bounded."""

from __future__ import annotations

import asyncio
import os
import signal
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Sequence
from contextlib import suppress

from ldirectord_py.checks.phase import reached
from ldirectord_py.checks.reasons import words
from ldirectord_py.errors import CheckFailed, Inconclusive

GRACE = 2.0
"""Seconds between SIGTERM and SIGKILL for a command that ran out of time."""

OUTPUT = 4096
"""Bytes of output that are kept, the last ones."""

ROUNDS = 16
"""Reads at most after the end, of a pipe that a grandchild may go on to fill."""

_endings: set[asyncio.Task[None]] = set()


async def run(command: Sequence[str]) -> str:
    """Return the command's last line if it ends with status 0; raises CheckFailed if not.

    Raises Inconclusive when it cannot be started. A cancelled run returns at once; its processes are ended and
    reaped behind it.
    """
    output = Output()
    try:
        process = await _start(command, output)
        reached("the command has not ended")
        try:
            status = await process.wait()
        except asyncio.CancelledError:
            _endings.add(ending := asyncio.create_task(_end(process)))
            ending.add_done_callback(_endings.discard)
            raise
        return _word(status, output.last_line())
    finally:
        output.close()


class Output:
    """The end of what a command prints; a pipe of ours, since who else holds it must not keep us waiting."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._read, self.write = os.pipe()
        os.set_blocking(self._read, False)
        self._kept = b""
        self._loop.add_reader(self._read, self._take)

    def last_line(self) -> str:
        """Return the last line printed so far, made printable."""
        for _ in range(ROUNDS):
            if not self._take():
                break
        lines = self._kept.decode("utf-8", "backslashreplace").strip().splitlines()
        return "".join(filter(str.isprintable, lines[-1])) if lines else ""

    def close(self) -> None:
        """Close our ends of the pipe."""
        self._loop.remove_reader(self._read)
        os.close(self._read)
        self.started()

    def started(self) -> None:
        """Close the end that is the command's now."""
        if self.write >= 0:
            os.close(self.write)
            self.write = -1

    def _take(self) -> bool:
        try:
            data = os.read(self._read, 65536)
        except BlockingIOError:
            return False
        if not data:
            self._loop.remove_reader(self._read)
        self._kept = (self._kept + data)[-OUTPUT:]
        return bool(data)


async def _start(command: Sequence[str], output: Output) -> Process:
    try:
        process = await asyncio.create_subprocess_exec(
            *command, stdin=DEVNULL, stdout=output.write, stderr=output.write, start_new_session=True
        )
    except OSError as error:
        raise Inconclusive(f"cannot run {command[0]}: {words(error)}") from None
    except ValueError as error:
        raise CheckFailed(f"cannot run {command[0]}: {error}") from None
    output.started()
    return process


def _word(status: int, line: str) -> str:
    """Return the word for a status of 0; raises CheckFailed for others."""
    if status == 0:
        return line or "exit status 0"
    end = f"exit status {status}" if status > 0 else f"killed by signal {-status}"
    raise CheckFailed(f"{end}: {line}" if line else end)


async def _end(process: Process) -> None:
    """End a command and all of its group, and reap it."""
    try:
        _signal(process, signal.SIGTERM)
        with suppress(TimeoutError):
            async with asyncio.timeout(GRACE):
                await process.wait()
    finally:
        _signal(process, signal.SIGKILL)
    await process.wait()


def _signal(process: Process, number: signal.Signals) -> None:
    """Signal the whole group, which is there as long as one of its processes is."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)
