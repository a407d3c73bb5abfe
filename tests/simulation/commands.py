"""The commands of external checks as conversations: they end with a status, hang, or cannot be started."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
from collections.abc import Mapping, Sequence
from itertools import count
from typing import TYPE_CHECKING, Any, Final

from ldirectord_py.checks.checktypes import command
from ldirectord_py.runtime.limiter import Limiter
from simulation.clock import CLOCK
from simulation.conversation import Attempt, Conversation, Told

if TYPE_CHECKING:
    from simulation.world import World

MISSING: Final = errno.ENOENT
"""The error of a command whose file is not there."""


class Commands:
    """Its state: the number of the next process, and whether the file of the command ``is_missing``."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.is_missing = False
        self._numbers = count(5000)

    def start(self, words: Sequence[str], _: Mapping[str, str], *, stdout: int) -> SimulatedCommand:
        """Stand in for the class Child: start a command, of which the last two words are the server."""
        server = self.world.network.server_at((words[-2].strip("[]"), int(words[-1])))
        assert server is not None
        if error := self._error():
            server.attempts.append(Attempt(CLOCK.now, CLOCK.now, Told.NOTHING))
            raise OSError(error, os.strerror(error))
        started = SimulatedCommand(self.world, next(self._numbers))
        started.server, started.begin = server, CLOCK.now
        server.on_command(started)
        return started

    def reset(self) -> None:
        """Undo what a killed process has left, also in the module of commands."""
        for server in self.world.network.servers.values():
            running = [each for each in server.open if isinstance(each, SimulatedCommand)]
            for each in sorted(running, key=lambda each: each.pid):
                each.close()
        command._endings.clear()
        command._spawning = Limiter(1)
        command.GROUPS._groups.clear()
        command.GROUPS.changed = lambda: None

    def _error(self) -> int:
        if self.world.threads.exhausted:
            self.world.hit("F15")
            return errno.EAGAIN
        if self.is_missing:
            self.world.hit("F15-missing")
            return MISSING
        return 0


class SimulatedCommand(Conversation):
    """A running command. Its state: whether its group lives, and whether it ignores SIGTERM (``is_stubborn``)."""

    def __init__(self, world: World, pid: int) -> None:
        self.pid = pid
        self.is_stubborn = False
        self.connect_delay, self.accepted, self.requested, self.right = 0.0, True, True, True
        self._world = world
        self._lives = True
        self._status: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    # What checks call.

    async def wait(self) -> int:
        try:
            return await self._status
        finally:
            self.close()

    def close(self) -> None:
        """End the conversation: the check waits no more."""
        if self.server is not None and self in self.server.open:
            self.server.on_close(self)

    def signal(self, number: int) -> bool:
        lived = self._lives
        if number == signal.SIGKILL or (number == signal.SIGTERM and not self.is_stubborn):
            self._lives = False
        return lived

    async def kill_after(self, seconds: float) -> bool:
        if self._lives:
            await self._world.pause(seconds)
        self._lives = False
        return True

    # What servers do.

    def end_after(self, seconds: float, status: int) -> None:
        """Let the command end with a status after so many seconds."""
        self.right, self.answer_delay = not status, seconds
        self._world.after(seconds, self._end, status)

    def _end(self, status: int) -> None:
        if self._lives and not self._status.done():
            self._lives, self.answered = False, True
            self._status.set_result(status)


class SimulatedOutput:
    """Stands in for the class Output: the command prints nothing."""

    write = -1

    def last_line(self) -> str:
        return ""

    def close_write_end(self) -> None:
        pass

    def close(self) -> None:
        pass


def is_ending(task: asyncio.Task[Any]) -> bool:
    """Return whether a task ends a command, which it does beyond the end of the daemon."""
    return task in command._endings
