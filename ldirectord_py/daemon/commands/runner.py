"""Runs the user's commands, except those of checks, on the events that they are for."""

from __future__ import annotations

from pathlib import Path

from ldirectord_py.config.commands import configuration_name
from ldirectord_py.daemon.commands.execute import ExecutedDaemons
from ldirectord_py.daemon.reconciler.director import Director
from ldirectord_py.report.commands.command import run_command_line
from ldirectord_py.report.commands.fallbackcommand import FallbackCommands
from ldirectord_py.runtime.serial_queues import SerialQueues


class CommandRunner:
    """Runs the callback and the daemons of execute; ``fallback`` is the Listener that runs fallbackcommands."""

    def __init__(self, director: Director, path: Path) -> None:
        self._director = director
        self._path = path
        self._queues = SerialQueues()
        self._executed_daemons = ExecutedDaemons(path)
        self.fallback = FallbackCommands(self._queues)

    def start(self) -> None:
        """Start the daemons of ``execute``; call this once the kernel has the services."""
        self._executed_daemons.start(self._execute_names)

    def reloaded(self) -> None:
        """Reload the daemons of ``execute``, after a reload of the configuration."""
        self._executed_daemons.reload(self._execute_names)

    def changed(self) -> None:
        """Run the ``callback``, as the content of the configuration file has changed, whether it is valid or not."""
        callback = self._director.compiled.config.settings.callback
        if callback is not None:
            self._queues.add("the callback", lambda: run_command_line(callback, str(self._path)))

    @property
    def _execute_names(self) -> tuple[str, ...]:
        """The values of ``execute``, without duplicates."""
        return tuple(dict.fromkeys(map(configuration_name, self._director.compiled.config.settings.execute)))

    async def stop(self) -> None:
        """Stop the daemons of ``execute``, for STOP_ALL_TIMEOUT at most."""
        await self._executed_daemons.stop()

    async def close(self) -> None:
        """Drop the commands that wait; those that run go on."""
        await self._queues.close()
        await self._executed_daemons.close()
