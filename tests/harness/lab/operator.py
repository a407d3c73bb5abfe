"""An operator at the shell of the director: the real command line, with what it returned.

Each command is a program when it is run first, and later runs in the process of the test, but for those that start
daemons.
"""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

from harness.host import program_path
from harness.lab.director import DAEMON, Director
from harness.lab.namespace import eventually
from harness.own_process import Done, run_here
from harness.readable_python import readable_by_all
from ldirectord_py.instance.command_line import DAEMON_COMMANDS

COMMAND_SECONDS = 120.0  # emulated machines take several seconds to import


class Operator:
    """Runs commands on the director's configuration, also those that start and stop its daemon.

    ``run_folder`` has what a reboot removes, ``state_folder`` what it leaves.
    """

    def __init__(self, director: Director) -> None:
        self.director = director
        self.run_folder, self.state_folder = (director.folder / name for name in ("run", "state"))
        self.run_folder.mkdir()
        folders = {"LDIRECTORD_RUNDIR": str(self.run_folder), "LDIRECTORD_STATEDIR": str(self.state_folder)}
        self._known: set[str] = set()
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
        done = self._run_here(*words) if words[0] in self._known else self.finish(self.begin(*words))
        self._known |= {words[0]} - DAEMON_COMMANDS
        assert done.status == status, f"{words}: {done}\n{self.director.log()[-2000:]}"
        return done

    def _run_here(self, *words: str) -> Done:
        with self.director.entered():
            return run_here(str(self.director.config), *words, environment=self.environment)

    def kill_daemon(self) -> None:
        """End the daemon with SIGKILL."""
        pid = int((self.run_folder / f"ldirectord.{self.director.config.name}.pid").read_text())
        os.kill(pid, signal.SIGKILL)
        eventually(lambda: _has_ended(pid), COMMAND_SECONDS, lambda: f"process {pid} lives")


def _has_ended(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):  # it ends while it is read
        return True
