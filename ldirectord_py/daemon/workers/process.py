"""The process of a worker: started, its last words kept, and reaped."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from ldirectord_py.checks.checktypes.command import environment
from ldirectord_py.runtime import signals
from ldirectord_py.runtime.python_command import python_command, source_digest
from ldirectord_py.runtime.text import printable

PROGRAM: Final = (*python_command("ldirectord_py.daemon.workers.worker"), source_digest())
"""What a worker runs, and which edition of it we are."""

STOP_SECONDS: Final = 1.0
"""Seconds for a worker to end by itself, its commands included; and to be gone once it is killed."""

WORDS: Final = 4096
"""Bytes of what a worker says on stderr that are kept: the last."""

_PORTION: Final = 4096
_PORTIONS_OF_A_PIPE: Final = 16

logger = logging.getLogger(__name__)


class WorkerProcess:
    """A worker that runs; its state: the process, the end of what it said on stderr, and its commands as it told them.

    Raises OSError when it cannot be started. ``theirs`` is its end of a socket. Commands are process groups.
    """

    def __init__(self, theirs: socket.socket) -> None:
        with signals.held():  # until it listens to them: they are the director's to act on
            self._process = subprocess.Popen(  # noqa: S603  our own interpreter and module
                PROGRAM,
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                start_new_session=True,  # a terminal's Ctrl-C is for the director
                env=environment(os.environ),
            )
        assert self._process.stderr  # noqa: S101  a pipe was asked for
        self._stderr = self._process.stderr
        self._said = b""
        self.commands: Sequence[int] = ()
        os.set_blocking(self._stderr.fileno(), False)
        try:
            asyncio.get_running_loop().add_reader(self._stderr.fileno(), self._hear)
        except BaseException:
            self._process.kill()
            self._process.wait()
            self._stderr.close()
            raise

    @property
    def pid(self) -> int:
        """The process."""
        return self._process.pid

    async def reap(self) -> str:
        """Wait for the end of a worker whose socket is closed, and see to it; return how it ended, in words."""
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(STOP_SECONDS):
                    await _ended(self._process)
        finally:
            self._process.kill()  # nothing where it has ended
            with suppress(TimeoutError):
                async with asyncio.timeout(STOP_SECONDS):
                    await _ended(self._process)
            self._hear_the_rest()
            if self._process.returncode != 0:
                self._end_commands()
        return self._how()

    def _end_commands(self) -> None:
        """End what a worker that was killed leaves behind."""
        for group in self.commands:
            if group > 1:  # of others the kernel would take more for meant
                with suppress(ProcessLookupError, PermissionError):
                    os.killpg(group, signal.SIGKILL)

    def _how(self) -> str:
        status = self._process.returncode
        if status is None:
            return "does not end, even killed; is a disk hanging?"
        line = printable(self._said.rstrip().rpartition(b"\n")[2])
        how = f"was killed by signal {-status}" if status < 0 else f"ended with status {status}"
        return f'{how}: "{line}"' if line else how

    def _hear(self) -> bool:
        """Keep the end of what it says; return whether there may be more."""
        try:
            said = os.read(self._stderr.fileno(), _PORTION)
        except BlockingIOError:
            return False
        self._said = (self._said + said)[-WORDS:]
        if not said:
            asyncio.get_running_loop().remove_reader(self._stderr.fileno())
        return bool(said)

    def _hear_the_rest(self) -> None:
        for _ in range(_PORTIONS_OF_A_PIPE):
            if not self._hear():
                break
        asyncio.get_running_loop().remove_reader(self._stderr.fileno())
        self._stderr.close()


async def _ended(process: subprocess.Popen[bytes]) -> None:
    while process.poll() is None:  # noqa: ASYNC110  it has no event
        await asyncio.sleep(0.01)
