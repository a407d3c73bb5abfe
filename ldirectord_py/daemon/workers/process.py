"""The process of a worker, and the commands that it runs."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from typing import Final

from ldirectord_py.runtime.environment import environment
from ldirectord_py.runtime.python_command import python_command, source_digest
from ldirectord_py.runtime.socket_process import SocketProcess

EXIT_TIMEOUT: Final = 1.0
"""Seconds for a worker and its commands to end by themselves, and again after it has been killed."""


@cache
def worker_command() -> tuple[str, ...]:
    """Return the worker's command line, with a digest of our own source files at the first call."""
    return *python_command("ldirectord_py.daemon.workers.worker"), source_digest()


class WorkerProcess(SocketProcess):
    """A running worker; ``theirs`` is its end of a socket pair. Raises OSError if it cannot be started.

    Its state, besides that of a SocketProcess: the process groups of its ``commands`` as last reported.
    """

    def __init__(self, theirs: socket.socket) -> None:
        self.commands: Sequence[int] = ()
        super().__init__(worker_command(), environment(), theirs)

    async def reap(self) -> str:
        """Wait for the process to end, or kill it after EXIT_TIMEOUT; returns a description of its end."""
        return await self.end_within(EXIT_TIMEOUT)

    def _clean_up(self) -> None:
        """Kill the commands that a worker left running."""
        for group in self.commands:
            if group > 1:  # killpg would take 0 for our own group, and 1 for every process
                with suppress(ProcessLookupError, PermissionError):
                    os.killpg(group, signal.SIGKILL)
