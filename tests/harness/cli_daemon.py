"""A daemon of its own process, on a table in memory, for commands that ask it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

from ldirectord_py.cli import main

WEB = "virtual = 192.0.2.1:80\n    real = 127.0.0.1:8080 masq 2\n    checktype = on\n"


def until(true: Callable[[], bool]) -> None:
    """Wait for what another process does."""
    deadline = time.monotonic() + 30
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


class CommandedDaemon:
    """A daemon, its file and its log; commands for it run in this process."""

    def __init__(self, path: Path, process: subprocess.Popen[str]) -> None:
        self.path = path
        self.process = process
        self.socket_file = path.parent / f"ldirectord.{path.name}.sock"

    def write(self, text: str) -> None:
        """Change the file; the name of its log is its first line."""
        self.path.write_text(f'logfile = "{self.path.parent}/log"\n{text}')

    def run(self, command: str, *words: str) -> int:
        """Return the exit status of a command."""
        return main([str(self.path), command, *words])

    @property
    def log(self) -> str:
        return (self.path.parent / "log").read_text()


def _started(command: list[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


@contextmanager
def daemon_process(folder: Path, text: str = WEB) -> Iterator[CommandedDaemon]:
    """Yield a daemon that is ready; until it ends, LDIRECTORD_RUNDIR names the folder."""
    path = folder / "web.cf"
    path.write_text(f'logfile = "{folder}/log"\n{text}')
    command = [sys.executable, "-m", "ldirectord_py", str(path), "run", "--memory-kernel"]
    with patch.dict(os.environ, LDIRECTORD_RUNDIR=str(folder)), _started(command) as process:
        try:
            daemon = CommandedDaemon(path, process)
            until(daemon.socket_file.is_socket)
            yield daemon
        finally:
            process.terminate()
