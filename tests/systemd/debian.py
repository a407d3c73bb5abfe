"""A Debian with systemd in User-Mode Linux: how it boots, and commands in it, which the agent in it carries out."""

from __future__ import annotations

import json
import os
import shutil
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from harness.host import ROOT
from harness.lab.namespace import CommandError
from harness.machines.kinds import UserMode
from harness.machines.machine import Machine, MachineError, booted
from harness.machines.speed import slowness, slowness_now
from packages.release import Release
from systemd.disk import RELEASE, disk, missing

LOOK_SECONDS: Final = 0.02
COMMAND_SECONDS: Final = 300.0
"""A command that hangs; most take a second."""

USUAL_START_SECONDS: Final = 90
"""What systemd gives a unit to start, if the unit says nothing, on an ordinary host."""

LIBRARIES: Final = Path(sysconfig.get_path("purelib"))


class InstalledDebian(UserMode):
    """User-Mode Linux that boots Debian from its disk; what it writes is gone when the machine ends."""

    name = "Debian in User-Mode Linux"
    boot_seconds = 180.0

    def __init__(self, image_of_disk: Path) -> None:
        self._disk = image_of_disk

    def _system(self, out: Path) -> tuple[str, ...]:
        root = (f"ubd0={out / 'written'},{self._disk}", "root=/dev/ubda", "rootfstype=ext4", "rw", "selinux=0")
        patience = f"systemd.default_timeout_start_sec={USUAL_START_SECONDS * slowness():.0f}"
        return (*root, patience, f"MACHINE_PROJECT={ROOT}", f"MACHINE_LIBRARIES={LIBRARIES}")


class Result(NamedTuple):
    """A command that has ended: its exit status, and its output with its errors."""

    status: int
    output: str


class Guest:
    """A running Debian: commands in it, as root, one after the other; its files; reboots."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._count = 0

    def call(self, *argv: str, given: str = "", seconds: float = COMMAND_SECONDS) -> Result:
        """Return the result of a command; it is killed after ``seconds``, as on an idle host, with status 124."""
        seconds *= slowness()
        result = self._machine.out / "results" / str(self._send(argv, given, seconds))
        given_up = time.monotonic() + 2 * seconds
        while not result.exists():
            if self._machine.process.poll() is not None:
                raise MachineError(f"the machine has ended{self._machine.evidence()}")
            if time.monotonic() > given_up:
                raise MachineError(f"no answer of {' '.join(argv)}{self._machine.evidence()}")
            time.sleep(LOOK_SECONDS)
        return Result(**json.loads(result.read_text()))

    def run(self, *argv: str, given: str = "", seconds: float = COMMAND_SECONDS) -> str:
        """Return the output of a command; CommandError if it fails."""
        result = self.call(*argv, given=given, seconds=seconds)
        if result.status != 0:
            raise CommandError(f"{' '.join(argv)}: exit status {result.status}\n{given}{result.output}")
        return result.output

    def script(self, name: str, *arguments: str) -> str:
        """Return the output of a script of the folder ``inside``; CommandError if it fails."""
        return self.run("sh", f"/opt/project/tests/systemd/inside/{name}", *arguments)

    def read(self, path: str) -> str:
        """Return the text of a file."""
        return self.run("cat", path)

    def write(self, path: str, text: str, mode: str = "644") -> None:
        """Write a file, with the directory that it is in."""
        steps = 'mkdir -p "$(dirname "$1")" && cat >"$1" && chmod "$2" "$1"'
        self.run("sh", "-c", steps, "sh", path, mode, given=text)

    def bring(self, path: Path, name: str) -> None:
        """Copy a file of the host to /run/share/NAME."""
        shutil.copyfile(path, self._machine.out / name)

    def reboot(self) -> float:
        """Reboot the machine as an operator does; return the seconds until it has booted again."""
        self._machine.started = time.monotonic()
        (self._machine.out / "booted").unlink()
        self._send(("systemctl", "reboot"), "", COMMAND_SECONDS)
        self._machine.await_boot(InstalledDebian.boot_seconds * slowness_now())
        return time.monotonic() - self._machine.started

    def _send(self, argv: tuple[str, ...], given: str, seconds: float) -> int:
        """Send a command, and return its number."""
        number, self._count = self._count, self._count + 1
        unfinished = self._machine.out / "request"
        unfinished.write_text(json.dumps({"argv": argv, "given": given, "seconds": seconds}))
        unfinished.rename(self._machine.out / "requests" / str(number))
        return number


@contextmanager
def booted_debian(release: Release = RELEASE) -> Iterator[Guest]:
    """Boot a Debian, which ends with the block."""
    number = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))  # each on a processor of its own
    with tempfile.TemporaryDirectory(prefix="ldirectord-systemd-") as name:
        out = Path(name)
        for folder in ("requests", "results"):
            (out / folder).mkdir()
        with booted(InstalledDebian(disk(release)), out, number) as machine:
            yield Guest(machine)


def main(argv: Sequence[str]) -> int:
    """Boot a Debian, print what a command prints there, and return its exit status."""
    if reason := missing():
        sys.stderr.write(f"{reason}\n")
        return 1
    with booted_debian() as guest:
        result = guest.call(*argv)
        print(result.output, end="")
        return result.status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
