"""A child process that leads a process group; how it is awaited, and how the group is ended.

It uses subprocess.Popen on any event loop: uvloop's own start of a process copies the page tables of the daemon, and
passes a file that is not executable code to a shell. No thread waits for the process.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager

from ldirectord_py.runtime.text import as_bytes
from ldirectord_py.runtime.waiting import RunningTimeout

TERMINATION_TIMEOUT = 2.0
"""Seconds between SIGTERM and SIGKILL."""

REAP_TIMEOUT = 10.0
"""Seconds after which a killed command counts as one that does not end."""

POLL_INTERVAL = 0.05
"""Seconds between two polls of a process or group, where the kernel does not report its end."""


@contextmanager
def input_file(data: bytes) -> Iterator[int]:
    """Yield the descriptor of a file in memory that holds ``data``, to be the input of a child. Raises OSError."""
    with open(os.memfd_create("input"), "w+b") as file:  # noqa: PTH123  memory has no path
        file.write(data)
        file.seek(0)
        yield file.fileno()


class Child:
    """A running command, which is reaped by an await of its end."""

    def __init__(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        *,
        stdin: int = subprocess.DEVNULL,
        stdout: int = subprocess.DEVNULL,
        stderr: int = subprocess.STDOUT,
        passed: Collection[int] = (),
    ) -> None:
        """Start it, with the descriptors ``passed`` besides the standard ones.

        Raises OSError, and ValueError for a NUL character in the command.
        """
        self._popen = subprocess.Popen(  # noqa: S603  an argument vector from the configuration, no shell
            [as_bytes(word) for word in command],
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            start_new_session=True,
            pass_fds=tuple(passed),
            env=environment,
        )

    @property
    def pid(self) -> int:
        """The process id, which is also that of its group."""
        return self._popen.pid

    async def wait(self) -> int:
        """Wait for the end; return the exit status, or the negative number of the signal that killed it."""
        while (status := self._popen.poll()) is None:
            await self._wait_for_end()
        return status

    async def wait_at_most(self, seconds: float) -> int | None:
        """Return the exit status as ``wait`` does; None after a ``RunningTimeout`` of ``seconds``."""
        try:
            async with RunningTimeout(seconds):
                return await self.wait()
        except TimeoutError:
            return None

    async def wait_or_kill(self, seconds: float) -> int | None:
        """Return the exit status; after ``seconds``, or if this is cancelled, kill the group. None after a timeout."""
        try:
            status = await self.wait_at_most(seconds)
        except BaseException:
            await self.kill()
            raise
        if status is None:
            await self.kill()
        return status

    def signal(self, number: int) -> bool:
        """Signal the whole group (0: only test for it); return whether a process of it exists."""
        try:
            os.killpg(self.pid, number)
        except ProcessLookupError:
            return False
        except PermissionError:  # it belongs to another user now
            return True
        return True

    async def kill(self) -> None:
        """Kill the whole group, and reap the command."""
        self.signal(signal.SIGKILL)
        await self.wait()

    async def kill_after(self, seconds: float) -> bool:
        """Wait ``seconds`` for the group to end, then kill the rest of it; if this is cancelled, kill it at once.

        Returns whether the command could be reaped, for which it has REAP_TIMEOUT.
        """
        try:
            await self._wait_for_group(seconds)
        finally:
            self.signal(signal.SIGKILL)
        return await self.wait_at_most(REAP_TIMEOUT) is not None

    async def _wait_for_group(self, seconds: float) -> None:
        """Wait until the group has no process left, for ``seconds`` at most."""
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        while self.signal(0) and loop.time() < until:
            self._popen.poll()  # a zombie belongs to the group
            await asyncio.sleep(POLL_INTERVAL)

    async def _wait_for_end(self) -> None:
        """Wait for the end, or for POLL_INTERVAL where this kernel or a lack of resources allows no more."""
        try:
            descriptor = os.pidfd_open(self.pid)
        except OSError:
            await asyncio.sleep(POLL_INTERVAL)
            return
        try:
            await _readable(descriptor)
        finally:
            os.close(descriptor)


async def _readable(descriptor: int) -> None:
    """Wait until a descriptor is readable, or for POLL_INTERVAL where the kernel watches no more descriptors."""
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
