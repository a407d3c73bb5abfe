"""The commands of the user's that the daemon runs beside those of checks, joined to what they wait for."""

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
        self._lanes = SerialQueues()
        self._children = ExecutedDaemons(path)
        self.fallback = FallbackCommands(self._lanes)

    def start(self) -> None:
        """Run what is due once the kernel has the services."""
        self._children.start(self._executed)

    def reloaded(self) -> None:
        """Run what is due when these orders come from a file that was read again."""
        self._children.reload(self._executed)

    def changed(self) -> None:
        """Run what is due when the content of the configuration's file has changed, in force or not."""
        callback = self._director.compiled.config.settings.callback
        if callback is not None:
            self._lanes.add("the callback", lambda: run_command_line(callback, str(self._path)))

    @property
    def _executed(self) -> tuple[str, ...]:
        """The configurations of execute, each once."""
        return tuple(dict.fromkeys(map(configuration_name, self._director.compiled.config.settings.execute)))

    async def stop(self) -> None:
        """Stop the daemons of execute, within their time."""
        await self._children.stop()

    async def close(self) -> None:
        """Drop what waits; what is under way goes on without us."""
        await self._lanes.close()
        await self._children.close()
