"""``execute``: the daemons of other configurations, started, reloaded and stopped with this one."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Final

from ldirectord_py.report.commands.command import run_command
from ldirectord_py.runtime.python_command import python_command
from ldirectord_py.runtime.serial_queues import SerialQueues

PROGRAM: Final = python_command("ldirectord_py.cli")

COMMAND_TIMEOUT: Final = 70.0
"""Seconds for one command; ``start`` gives up after 60."""

STOP_ALL_TIMEOUT: Final = 8.0
"""Seconds for all stops together; our own ``stop`` kills us after 10."""

logger = logging.getLogger(__name__)


class ExecutedDaemons:
    """Runs ``start``, ``reload`` and ``stop`` for other daemons; the commands for one daemon run one after the other.

    Its state: the configurations of the daemons that should run, and the commands that run or wait. The daemons do not
    depend on this one: they go on if it dies.
    """

    def __init__(self, own: Path, program: Sequence[str] = ()) -> None:
        self._own = own
        self._program = program or PROGRAM
        self._names: tuple[str, ...] = ()
        self._queues = SerialQueues()

    def start(self, names: Sequence[str]) -> None:
        """Start these daemons, except those that run already."""
        self._names = tuple(name for name in names if self._is_another(name))
        for name in self._names:
            self._queue_command(name, "start")

    def reload(self, names: Sequence[str]) -> None:
        """Reload these daemons, start those that do not run, and stop those that are no longer named."""
        former, self._names = self._names, tuple(name for name in names if self._is_another(name))
        for name in former:
            if name not in self._names:
                self._queue_command(name, "stop")
        for name in self._names:
            if name in former:
                self._queues.add(name, partial(self._reload_or_start, name))
            else:
                self._queue_command(name, "start")

    async def stop(self) -> None:
        """Stop all daemons, for STOP_ALL_TIMEOUT at most; those that take longer end later, with a warning."""
        for name in self._names:
            self._queue_command(name, "stop")
        try:
            async with asyncio.timeout(STOP_ALL_TIMEOUT):
                await self._queues.join()
        except TimeoutError:
            logger.warning("The daemons of execute did not all stop within %g s", STOP_ALL_TIMEOUT)
        await self._queues.close()

    async def close(self) -> None:
        """Drop the waiting commands; the daemons keep running."""
        await self._queues.close()

    def _is_another(self, name: str) -> bool:
        if Path(name).name != self._own.name:
            return True
        logger.warning("execute=%s names this daemon itself and has no effect", name)
        return False

    def _queue_command(self, name: str, word: str) -> None:
        self._queues.add(name, lambda: self._run(name, word))

    async def _reload_or_start(self, name: str) -> None:
        if not await self._run(name, "reload"):
            await self._run(name, "start")

    async def _run(self, name: str, word: str) -> bool:
        return await run_command((*self._program, name, word), COMMAND_TIMEOUT)
