"""The daemon of a director, forked from a process that has loaded it: a start costs no import."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from harness.comparison.fork_server import ForkServer
from harness.lab.cut_short import COMMAND, CUT_FILE
from harness.lab.director import START_SECONDS, Director
from harness.lab.namespace import END_SECONDS, eventually
from harness.lab.notify_socket import NotifySocket
from harness.machines.speed import lateness


class ForkedDaemon:
    """A daemon that only SIGKILL ends. Its state: the process that forks, and the pid of the daemon that ran last."""

    def __init__(self, director: Director) -> None:
        self._director = director
        self._cut_file = director.folder / "cut"
        self._notify_socket = NotifySocket(director.folder / "notify-forked")
        folders = dict.fromkeys(("LDIRECTORD_RUNDIR", "LDIRECTORD_STATEDIR"), str(director.folder))
        notify = {"NOTIFY_SOCKET": str(self._notify_socket.path), CUT_FILE: str(self._cut_file)}
        self._server = ForkServer(*COMMAND, **folders, **notify)
        self._pid = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()
        self._server.__exit__(kind, error, trace)
        self._notify_socket.close()

    def start(self) -> None:
        """Start the daemon."""
        self._notify_socket.drain()
        words = (str(self._director.config), "run")
        self._pid = self._server.fork(self._director.netns, self._director.folder / "output", *words)

    def reload(self) -> None:
        """Send SIGHUP."""
        self._notify_socket.drain()
        os.kill(self._pid, signal.SIGHUP)

    def wait_ready(self) -> None:
        """Wait until the daemon has started or reloaded."""
        if not self._notify_socket.ready(lateness(START_SECONDS), self._runs):
            raise AssertionError(f"the daemon did not get ready; it runs: {self._runs()}\n{self._director.log()}")

    def kill(self) -> None:
        """End the daemon with SIGKILL, if it runs."""
        if self._pid:
            with suppress(ProcessLookupError):
                os.kill(self._pid, signal.SIGKILL)
            self._wait_end(lateness(END_SECONDS))

    def cut_after(self, changes: int) -> None:
        """Let the daemon end itself when it has changed so many rows from now on."""
        self._cut_file.write_text(str(changes))

    def wait_cut(self, within: float) -> None:
        """Wait until the daemon has ended itself."""
        self._wait_end(within)
        self._cut_file.unlink()

    def _wait_end(self, within: float) -> None:
        eventually(lambda: not self._runs(), within, self._director.log)

    def _runs(self) -> bool:
        return Path(f"/proc/{self._pid}").exists()  # the process that forks leaves no zombies
