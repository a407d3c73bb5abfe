"""A child process that leads a group of its own, awaited without a thread.

Python's own start of a process on any loop: uvloop's copies the page tables of the daemon, and hands a file that is no
program to a shell.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence

from ldirectord_py.runtime.text import as_bytes

POLL_INTERVAL = 0.05
"""Seconds between two looks at what tells nobody that it has ended."""


class Child:
    """A command that has been started; who waits for it reaps it."""

    def __init__(
        self, command: Sequence[str], output: int, environment: Mapping[str, str], given: int = subprocess.DEVNULL
    ) -> None:
        """Start it; ``output`` and ``given`` are descriptors: of its outputs and of its input."""
        self._popen = subprocess.Popen(  # noqa: S603  an argument vector from the configuration, no shell
            [as_bytes(word) for word in command],
            stdin=given,
            stdout=output,
            stderr=output,
            start_new_session=True,
            env=environment,
        )

    @property
    def pid(self) -> int:
        """The process, and its group."""
        return self._popen.pid

    async def wait(self) -> int:
        """Return its exit status once it has ended, or the signal that ended it, negative."""
        while (status := self._popen.poll()) is None:
            await self._wait_for_end()
        return status

    async def _wait_for_end(self) -> None:
        """Wait for the end, or for a moment where this kernel or a lack of resources grants no more."""
        try:
            descriptor = os.pidfd_open(self.pid)
        except OSError:
            await asyncio.sleep(POLL_INTERVAL)
            return
        try:
            await _readable(descriptor)
        finally:
            os.close(descriptor)

    def signal(self, number: int) -> bool:
        """Signal the whole group (0: only look); return whether it is there, as it is while one process of it is."""
        try:
            os.killpg(self.pid, number)
        except ProcessLookupError:
            return False
        except PermissionError:  # they are another user's now
            return True
        return True

    async def kill(self) -> None:
        """Kill the whole group, and reap the command."""
        self.signal(signal.SIGKILL)
        await self.wait()

    async def wait_for_group(self, seconds: float) -> None:
        """Wait until no process of the group is there, for ``seconds`` at most."""
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        while self.signal(0) and loop.time() < until:
            self._popen.poll()  # a zombie counts as there
            await asyncio.sleep(POLL_INTERVAL)


async def _readable(descriptor: int) -> None:
    """Wait until there is something to read, or for a moment where the kernel watches no more descriptors."""
    loop, readable = asyncio.get_running_loop(), asyncio.Event()
    try:
        loop.add_reader(descriptor, readable.set)
    except OSError:
        await asyncio.sleep(POLL_INTERVAL)
        return
    try:
        await readable.wait()
    finally:
        loop.remove_reader(descriptor)
