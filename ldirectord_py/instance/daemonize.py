"""Leaving the terminal: the daemon goes on in the background, the command ends when it is ready."""

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


@dataclass(slots=True)
class StartupPipe:
    """The daemon's way to the command that started it: a pipe, closed with the first word."""

    descriptor: int | None

    def ready(self) -> None:
        """End the command with success."""
        self._send(READY)

    def failed(self, reason: str) -> None:
        """End the command with an error, which it prints."""
        self._send(reason.encode(errors=ESCAPED)[: select.PIPE_BUF])

    def _send(self, message: bytes) -> None:
        descriptor, self.descriptor = self.descriptor, None
        if descriptor is None:
            return
        with contextlib.suppress(BrokenPipeError):  # the command was interrupted
            os.write(descriptor, message)
        os.close(descriptor)


def daemonize(daemon: Callable[[StartupPipe], None], keep: int, seconds: float = READY_TIMEOUT) -> None:
    """Run ``daemon`` in a process of its own, and return once it is ready.

    Of the open descriptors it inherits only ``keep``. Raises LdirectordError with what the daemon says when
    it fails before, or when it is not ready after ``seconds``.
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
    """Never return: not here, nor into the caller's frames."""
    status, starter = 1, StartupPipe(writing)
    try:
        os.setsid()
        if os.fork() == 0:  # not the leader of its session: it can never get a terminal
            _detach({writing, keep})
            daemon(starter)
        status = 0
    except SystemExit:
        starter.failed("the daemon was stopped before it was ready")
    except BaseException as fault:  # noqa: BLE001  the last place that can say it
        starter.failed(str(fault) or type(fault).__name__)
    finally:
        os._exit(status)


def _detach(keep: set[int]) -> None:
    """Let go of the directory and of every descriptor that came with the command, its output first."""
    os.chdir("/")
    null = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(null, standard)
    edges = [2, *sorted(keep), os.sysconf("SC_OPEN_MAX")]
    for below, above in itertools.pairwise(edges):
        os.closerange(below + 1, above)


def _wait_until_ready(reading: int, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    said = b""
    while (left := deadline - time.monotonic()) > 0:
        if not select.select([reading], [], [], left)[0]:
            break
        piece = os.read(reading, select.PIPE_BUF)
        if piece == READY:
            return
        if not piece:
            raise LdirectordError(said.decode() or "the daemon ended before it was ready; see its log")
        said += piece
    raise LdirectordError(f"the daemon is not ready after {seconds:g} s; it goes on, see its log")
