"""``ldirectord CONFIG run --memory-kernel`` as a process, and commands that ask it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TypeVar

from harness.guarded_process import guarded_environment
from harness.own_process import Done, run_here
from harness.waiting import wait_for

D = TypeVar("D", bound="MemoryDaemon")


class MemoryDaemon:
    """The process of a daemon, its configuration, socket and log, and the environment of its commands."""

    def __init__(self, folder: Path, text: str) -> None:
        self.config = folder / "web.cf"
        self.write(text)
        self.environment = {**os.environ, "LDIRECTORD_RUNDIR": str(folder), "LDIRECTORD_STATEDIR": str(folder)}
        self.socket_file = folder / "ldirectord.web.cf.sock"
        self._daemon: subprocess.Popen[str] | None = None

    def write(self, text: str) -> None:
        """Write the configuration; the name of its log is its first line."""
        self.config.write_text(f'logfile = "{self.config.parent / "log"}"\n{text}')

    def log(self) -> str:
        """Return the log so far."""
        return (self.config.parent / "log").read_text()

    def command(self, *words: str) -> list[str]:
        """Return the words of a command on the configuration."""
        return [sys.executable, "-m", "ldirectord_py", str(self.config), *words]

    def run(self, *words: str) -> tuple[int, str, str]:
        """Return exit status, standard output and standard error of a command."""
        done = subprocess.run(
            self.command(*words), capture_output=True, text=True, timeout=60, env=self.environment, check=False
        )
        return done.returncode, done.stdout, done.stderr

    def run_here(self, *words: str) -> Done:
        """Run a command in this process, where a test may have changed what it uses."""
        return run_here(str(self.config), *words, environment=self.environment)

    @property
    def process(self) -> subprocess.Popen[str]:
        """The process of the daemon."""
        assert self._daemon, "the daemon does not run"
        return self._daemon

    def start(self) -> None:
        """Start the daemon; return when it has written its table and listens for commands."""
        words = self.command("run", "--memory-kernel")
        environment = {**self.environment, **guarded_environment()}
        self._daemon = subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=environment)
        assert self._daemon.stdout
        assert self._daemon.stdout.readline().startswith("ipvsadm")
        wait_for(self._listens)

    def _listens(self) -> bool:
        with socket.socket(socket.AF_UNIX) as client:
            return client.connect_ex(str(self.socket_file)) == 0

    def stop(self) -> None:
        """Stop the daemon, if it runs."""
        if self._daemon is not None:
            with self._daemon as daemon:
                daemon.terminate()
            self._daemon = None


def memory_daemon(folder: Path, text: str) -> AbstractContextManager[MemoryDaemon]:
    """Return the context of a daemon that runs, stopped at the end."""
    return running(MemoryDaemon(folder, text))


@contextmanager
def running(daemon: D) -> Iterator[D]:
    """Yield a daemon that runs, stopped at the end."""
    daemon.start()
    try:
        yield daemon
    finally:
        daemon.stop()
