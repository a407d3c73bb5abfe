"""A host for the scripts of Debian packages, with any command in place of /usr/sbin/ldirectord."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from harness.host import program_path
from harness.lab.namespace import end, eventually

COMMAND = "/usr/sbin/ldirectord"
INIT_SCRIPT = "/etc/init.d/ldirectord"
UNIT = Path("/lib/systemd/system/ldirectord.service")
AGENT = Path("/usr/lib/ocf/resource.d/heartbeat/ldirectord")
PLACES = ("/etc/ha.d", "/etc/default", "/var/log", "/run")
# The mounts end with the namespaces; the shell is the first process, which reaps the others, and they end with it.
BEGIN = 'while [ $# -gt 1 ]; do mount --bind "$1" "$2" || exit; shift 2; done; : >/run/begun; sleep infinity & wait'


class PackagedHost:
    """Processes and mounts of its own: /etc/ha.d, /etc/default, /var/log and /run are folders below ``folder``.

    ``enter`` is a command prefix that enters a network namespace.
    """

    def __init__(self, folder: Path, enter: Sequence[str] = ()) -> None:
        self.folder = folder
        self._enter = tuple(enter)
        self._outputs = itertools.count()

    def __enter__(self) -> Self:
        for place in PLACES:
            self.path(place).mkdir(parents=True)
        self.path("/run/lock/subsys").mkdir(parents=True)  # as the init script does
        mounts = [word for place in PLACES for word in (str(self.path(place)), place)]
        apart = ("unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc")
        with (self.folder / "begin.out").open("wb") as output:
            self._init = subprocess.Popen(
                [*self._enter, *apart, "sh", "-c", BEGIN, "sh", *mounts],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=self._environment(),
            )
        try:
            eventually(self.path("/run/begun").exists, 30, (self.folder / "begin.out").read_text)
        except BaseException:
            end(self._init, signal.SIGKILL)  # unshare ignores others
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        end(self._init, signal.SIGKILL)

    def path(self, place: str) -> Path:
        """Return the path of a file of this host outside of it."""
        return self.folder / place.lstrip("/")

    def install(self, command: Path) -> None:
        """Mount ``command`` over /usr/sbin/ldirectord."""
        self._must("mount", "--bind", str(command), COMMAND)

    def uninstall(self) -> None:
        """Unmount the command, so that the program of the package is there again."""
        self._must("umount", COMMAND)

    def run(self, *argv: str, **environment: str) -> tuple[int, str]:
        """Return exit status and output of a command on this host; processes that it starts go on."""
        output = self.folder / f"{next(self._outputs)}.out"
        with output.open("wb") as file:
            done = subprocess.run(
                ["nsenter", f"--target={self._first()}", "--mount", "--pid", "--net", "--", *argv],
                check=False,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                env=self._environment() | environment,
                cwd="/",
                timeout=120,
            )
        return done.returncode, output.read_text(errors="replace")

    def agent(self, action: str, **parameters: str) -> int:
        """Return the exit status of Pacemaker's agent, called as Pacemaker does; ``parameters`` as it names them."""
        environment = {f"OCF_RESKEY_{name}": value for name, value in parameters.items()}
        environment |= {"OCF_ROOT": "/usr/lib/ocf", "OCF_RESOURCE_INSTANCE": "director"}
        status, output = self.run(str(AGENT), action, **environment)
        print(f"agent {action}: {status} {output}")  # pytest shows it where a test fails
        return status

    def log(self) -> str:
        """Return /var/log/ldirectord.log."""
        path = self.path("/var/log/ldirectord.log")
        return path.read_text() if path.exists() else ""

    def daemon(self, instance: str) -> int | None:
        """Return the pid in the pid file, if this host has such a process."""
        with suppress(FileNotFoundError, ValueError):
            pid = int(self.path(f"/run/ldirectord.{instance}.pid").read_text())
            if self.run("kill", "-0", str(pid))[0] == 0:
                return pid
        return None

    def _must(self, *argv: str) -> None:
        status, output = self.run(*argv)
        assert status == 0, output

    def _first(self) -> int:
        children = Path(f"/proc/{self._init.pid}/task/{self._init.pid}/children").read_text().split()
        return int(children[0])

    def _environment(self) -> dict[str, str]:
        return {
            "PATH": program_path(),
            "LANG": "C.UTF-8",
            "PYTHONDONTWRITEBYTECODE": os.environ.get("PYTHONDONTWRITEBYTECODE", ""),
        }
