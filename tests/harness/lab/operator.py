"""An operator at the shell of the director: the real command line, with what it returned."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Any, NamedTuple

from harness.host import program_path
from harness.lab.director import DAEMON, Director
from harness.lab.namespace import eventually
from harness.readable_python import readable_by_all

COMMAND_SECONDS = 120.0  # emulated machines take several seconds to import


class Done(NamedTuple):
    """A command that has ended: its exit status, standard output and standard error."""

    status: int
    text: str
    errors: str

    def json(self) -> Any:
        """Return the value that the output is."""
        return json.loads(self.text)

    def lines(self) -> list[Any]:
        """Return the values of an output that has one on each line."""
        return [json.loads(line) for line in self.text.splitlines()]


class Operator:
    """Runs commands on the director's configuration, also those that start and stop its daemon.

    ``run_folder`` has what a reboot removes, ``state_folder`` what it leaves.
    """

    def __init__(self, director: Director) -> None:
        self.director = director
        self.run_folder, self.state_folder = (director.folder / name for name in ("run", "state"))
        self.run_folder.mkdir()
        folders = {"LDIRECTORD_RUNDIR": str(self.run_folder), "LDIRECTORD_STATEDIR": str(self.state_folder)}
        self.environment = {"PATH": program_path(), "LANG": "C.UTF-8", **folders}

    def command(self, *words: str) -> list[str]:
        """Return a command as this host runs it; what it starts can be run by other users, as for the page."""
        opened = readable_by_all() if words[0] == "start" else []
        return [*opened, "ip", "netns", "exec", self.director.netns, DAEMON, str(self.director.config), *words]

    def begin(self, *words: str) -> subprocess.Popen[str]:
        """Start a command."""
        pipe = subprocess.PIPE
        return subprocess.Popen(self.command(*words), stdout=pipe, stderr=pipe, text=True, env=self.environment)

    def finish(self, process: subprocess.Popen[str]) -> Done:
        """Wait for the end of a command."""
        with process:
            try:
                text, errors = process.communicate(timeout=COMMAND_SECONDS)
            finally:
                process.kill()
        return Done(process.returncode, text, errors)

    def run(self, *words: str, status: int = 0) -> Done:
        """Run a command that has to end with this exit status."""
        done = self.finish(self.begin(*words))
        assert done.status == status, f"{words}: {done}\n{self.director.log()[-2000:]}"
        return done

    def kill_daemon(self) -> None:
        """End the daemon with SIGKILL."""
        pid = int((self.run_folder / f"ldirectord.{self.director.config.name}.pid").read_text())
        os.kill(pid, signal.SIGKILL)
        eventually(lambda: _has_ended(pid), COMMAND_SECONDS, lambda: f"process {pid} lives")


def _has_ended(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True
