"""The process of a worker: starts it, waits for its end, and describes how it ended."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from typing import Final

from ldirectord_py.runtime import signals
from ldirectord_py.runtime.child import Child
from ldirectord_py.runtime.environment import environment
from ldirectord_py.runtime.output import Output
from ldirectord_py.runtime.python_command import python_command, source_digest

EXIT_TIMEOUT: Final = 1.0
"""Seconds for a worker and its commands to end by themselves, and again after it has been killed."""


@cache
def worker_command() -> tuple[str, ...]:
    """Return the worker's command line, with a digest of our own source files at the first call."""
    return *python_command("ldirectord_py.daemon.workers.worker"), source_digest()


class WorkerProcess:
    """A running worker; ``theirs`` is its end of a socket pair. Raises OSError if it cannot be started.

    Its state: the process, the end of its output, and the process groups of its ``commands`` as last reported.
    """

    def __init__(self, theirs: socket.socket) -> None:
        self.commands: Sequence[int] = ()
        self._output = Output()
        try:
            with signals.blocked():  # until the worker handles them: signals are meant for the director
                self._child = Child(worker_command(), environment(), stdin=theirs.fileno(), stdout=self._output.write)
        except BaseException:
            self._output.close()
            raise
        self._output.close_write_end()

    @property
    def pid(self) -> int:
        """The process."""
        return self._child.pid

    async def reap(self) -> str:
        """Wait for the process to end, or kill it after EXIT_TIMEOUT; returns a description of its end.

        The caller has closed its end of the socket, which makes a worker end.
        """
        status = None
        try:
            status = await self._child.wait_at_most(EXIT_TIMEOUT)
        finally:
            if status is None:
                self._child.signal(signal.SIGKILL)
                status = await self._child.wait_at_most(EXIT_TIMEOUT)
            description = self._describe(status)
            self._output.close()
            if status != 0:
                self._kill_commands()
        return description

    def _kill_commands(self) -> None:
        """Kill the commands that a worker left running."""
        for group in self.commands:
            if group > 1:  # killpg would take 0 for our own group, and 1 for every process
                with suppress(ProcessLookupError, PermissionError):
                    os.killpg(group, signal.SIGKILL)

    def _describe(self, status: int | None) -> str:
        if status is None:
            return "does not end, even killed; is a disk hanging?"
        end = f"was killed by signal {-status}" if status < 0 else f"ended with status {status}"
        line = self._output.last_line()
        return f'{end}: "{line}"' if line else end
