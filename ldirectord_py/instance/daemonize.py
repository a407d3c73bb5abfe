"""Running the daemon in the background; the command that starts it returns when it is ready."""

from __future__ import annotations

import contextlib
import itertools
import os
import select
import time
from collections.abc import Callable
from dataclasses import dataclass

from ldirectord_py.errors import LdirectordError
from ldirectord_py.runtime.text import ESCAPED

READY = b"\0"
READY_TIMEOUT = 60.0
"""Seconds that the command waits for the daemon to be ready."""


@dataclass(slots=True)
class StartupPipe:
    """A pipe from the daemon to the command that started it; closed after the first message."""

    descriptor: int | None

    def ready(self) -> None:
        """Let the command end with success."""
        self._send(READY)

    def failed(self, reason: str) -> None:
        """Let the command fail with ``reason``, which it prints."""
        self._send(reason.encode(errors=ESCAPED)[: select.PIPE_BUF])

    def _send(self, message: bytes) -> None:
        descriptor, self.descriptor = self.descriptor, None
        if descriptor is None:
            return
        with contextlib.suppress(BrokenPipeError):  # the command was interrupted
            os.write(descriptor, message)
        os.close(descriptor)


def daemonize(daemon: Callable[[StartupPipe], None], keep: int, seconds: float = READY_TIMEOUT) -> None:
    """Run ``daemon`` in a background process, and return once it is ready.

    It inherits only the descriptor ``keep``. Raises LdirectordError if it fails before, with its reason, or if it is
    not ready after ``seconds``.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _run_detached(daemon, writing, keep)
    os.close(writing)
    os.waitpid(child, 0)
    try:
        _wait_until_ready(reading, seconds)
    finally:
        os.close(reading)


def _run_detached(daemon: Callable[[StartupPipe], None], writing: int, keep: int) -> None:
    """Run ``daemon`` in the child process; never returns, so that no code of the caller runs twice."""
    status, startup = 1, StartupPipe(writing)
    try:
        os.setsid()
        if os.fork() == 0:  # not the session leader: it can never get a terminal
            _detach({writing, keep})
            daemon(startup)
        status = 0
    except SystemExit:
        startup.failed("the daemon was stopped before it was ready")
    except BaseException as fault:  # noqa: BLE001  nothing else would report it
        startup.failed(str(fault) or type(fault).__name__)
    finally:
        os._exit(status)


def _detach(keep: set[int]) -> None:
    """Leave the directory of the command, and close its descriptors except ``keep``."""
    os.chdir("/")
    null = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(null, standard)
    bounds = [2, *sorted(keep), os.sysconf("SC_OPEN_MAX")]
    for below, above in itertools.pairwise(bounds):
        os.closerange(below + 1, above)


def _wait_until_ready(reading: int, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    message = b""
    while (left := deadline - time.monotonic()) > 0:
        if not select.select([reading], [], [], left)[0]:
            break
        piece = os.read(reading, select.PIPE_BUF)
        if piece == READY:
            return
        if not piece:
            raise LdirectordError(message.decode() or "the daemon ended before it was ready; see its log")
        message += piece
    raise LdirectordError(f"the daemon is not ready after {seconds:g} s; it goes on, see its log")
