"""A process of ours that has a socket to this one as its standard input: its start, its end, and the words for both."""

from __future__ import annotations

import signal
import socket
from collections.abc import Collection, Mapping, Sequence

from ldirectord_py.runtime import signals
from ldirectord_py.runtime.child import Child
from ldirectord_py.runtime.output import Output


class SocketProcess:
    """A running process; ``theirs`` is its end of a socket pair. Raises OSError if it cannot be started.

    The process inherits the descriptors ``passed``, and ends when our end of the socket is closed. Its state: the
    process, and the end of its output.
    """

    def __init__(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        theirs: socket.socket,
        *,
        passed: Collection[int] = (),
    ) -> None:
        self._output = Output()
        try:
            with signals.blocked():  # until the process handles them: signals are meant for the director
                self._child = Child(
                    command, environment, stdin=theirs.fileno(), stdout=self._output.write, passed=passed
                )
        except BaseException:
            self._output.close()
            raise
        self._output.close_write_end()

    @property
    def pid(self) -> int:
        """The process."""
        return self._child.pid

    async def wait(self) -> None:
        """Wait for the end of the process."""
        await self._child.wait()

    async def end_within(self, seconds: float) -> str:
        """Wait for the process to end, or kill it after ``seconds``; returns a description of its end.

        The caller has closed its end of the socket. Takes ``seconds`` twice at most.
        """
        status = None
        try:
            status = await self._child.wait_at_most(seconds)
        finally:
            if status is None:
                self._child.signal(signal.SIGKILL)
                status = await self._child.wait_at_most(seconds)
            description = self._describe(status)
            self._output.close()
            if status != 0:
                self._clean_up()
        return description

    def _clean_up(self) -> None:
        """End what a process left that did not end by itself."""

    def _describe(self, status: int | None) -> str:
        if status is None:
            return "does not end, even killed; is a disk hanging?"
        end = f"was killed by signal {-status}" if status < 0 else f"ended with status {status}"
        line = self._output.last_line()
        return f'{end}: "{line}"' if line else end
