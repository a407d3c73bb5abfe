"""The process of the page: its command, its environment, and its end."""

from __future__ import annotations

import os
import socket
from functools import cache
from typing import Final

from ldirectord_py.runtime.environment import PATH
from ldirectord_py.runtime.python_command import python_command, source_digest
from ldirectord_py.runtime.socket_process import SocketProcess

EXIT_TIMEOUT: Final = 1.0
"""Seconds for the process to end by itself, and again after it has been killed."""

_PASSED: Final = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ")


@cache
def page_command() -> tuple[str, ...]:
    """Return the command line, with a digest of our own source files at the first call."""
    return *python_command("ldirectord_py.web.main"), source_digest()


class PageProcess(SocketProcess):
    """A running process that serves at a socket as ``user``; ``theirs`` is its end of a socket pair.

    Raises OSError if it cannot be started.
    """

    def __init__(self, listening: socket.socket, user: str, theirs: socket.socket) -> None:
        number = listening.fileno()
        command = (*page_command(), str(number), user)
        known = {name: value for name in _PASSED if (value := os.environ.get(name)) is not None}
        super().__init__(command, {"PATH": PATH, **known}, theirs, passed=(number,))

    async def reap(self) -> str:
        """Wait for the process to end, or kill it after EXIT_TIMEOUT; returns a description of its end."""
        return await self.end_within(EXIT_TIMEOUT)
