"""A virtual machine with IPVS that runs one command over this host's own files.

``python -m harness.machines.machine COMMAND...`` boots one and prints what the command prints, as it prints it.

The guest sees the host's root read-only; /tmp and /run are its own; one directory, ``out``, is shared for writing,
and carries the command in and its output and exit status back.
"""

from __future__ import annotations

import math
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from harness.host import ROOT, SYSTEM_PATH, program_path
from harness.machines.kinds import Kind, missing_for_machine, usable
from harness.machines.speed import slowness

LOOK_SECONDS = 0.1
# Kills the machine when the process that booted it ends, however that came about, or ends the guard; and what is left
# of a machine that died. User-Mode Linux makes a process group of its own and does not heed SIGTERM.
KILL = "trap - TERM; kill -KILL -$! 2>/dev/null; kill -KILL 0"
GUARD = ("setpriv", "--pdeathsig", "TERM", "sh", "-c", f"trap '{KILL}' TERM; \"$@\" & wait $!; {KILL}", "guard")


class MachineError(Exception):
    """The machine ended before its command; the text has its output."""


class BootError(MachineError):
    """The machine did not boot."""


@dataclass(slots=True)
class Machine:
    """A booting or running machine; ``out`` is the directory shared with it."""

    process: subprocess.Popen[bytes]
    out: Path
    started: float

    def output(self) -> bytes:
        """Return the output of the command so far."""
        return _read(self.out / "output")

    def beats(self) -> bytes:
        """Return how often the machine has beaten so far: every few seconds while it runs; empty where none is due."""
        return _read(self.out / "beats")

    def status(self) -> int | None:
        """Return the command's exit status, None while it runs; MachineError if the machine has ended without one."""
        ended = self.process.poll() is not None  # asked first: what it wrote before its end counts
        text = _read(self.out / "status")
        if text.endswith(b"\n") and text.strip().isdigit():  # a dying kernel writes anywhere
            return int(text)
        if ended:
            raise MachineError(f"the virtual machine has ended{self.evidence()}")
        return None

    def await_boot(self, seconds: float) -> None:
        """Wait until the machine has booted; BootError if it does not in time."""
        while not (self.out / "booted").exists():
            if self.process.poll() is not None:
                raise BootError(f"the virtual machine did not boot{self.evidence()}")
            if time.monotonic() - self.started > seconds:
                raise BootError(f"the virtual machine did not boot in {seconds:.0f} s{self.evidence()}")
            time.sleep(LOOK_SECONDS)

    def evidence(self) -> str:
        """Return the last lines of the console and of the command's output, for error messages."""
        console, output = (_read(self.out / name)[-3000:].decode(errors="replace") for name in ("console", "output"))
        return f"\n--- console ---\n{console}\n--- output ---\n{output}"


@contextmanager
def machine(
    kind: Kind, command: Sequence[str], environment: Mapping[str, str] | None = None, number: int = 0
) -> Iterator[Machine]:
    """Boot a machine that runs ``command`` in the project's directory; it ends with the block.

    ``number`` tells machines side by side apart. BootError when it does not boot.
    """
    with tempfile.TemporaryDirectory(prefix="ldirectord-machine-") as name:
        out = Path(name)
        _write_command(out, command, environment or {})
        with booted(kind, out, number) as guest:
            yield guest


@contextmanager
def booted(kind: Kind, out: Path, number: int) -> Iterator[Machine]:
    """Boot a machine with the shared directory ``out``; it ends with the block.

    BootError when it does not boot.
    """
    with (out / "console").open("wb") as console:
        process = subprocess.Popen(
            [*GUARD, *kind.boot_command(out, number)],
            stdin=subprocess.DEVNULL,
            stdout=console,
            stderr=console,
            cwd="/",
            env={"PATH": program_path(), "HOME": str(out), "LANG": "C.UTF-8"},
            start_new_session=True,
        )
    try:
        guest = Machine(process, out, time.monotonic())
        guest.await_boot(kind.boot_seconds * slowness())
        yield guest
    finally:
        _end(process)


def copy_output(guest: Machine, within: float = math.inf) -> int:
    """Copy the command's output to standard output as it arrives; return its exit status.

    MachineError if the machine ends, or if the command has not ended ``within`` seconds of the start.
    """
    shown = 0
    while True:
        status = guest.status()
        output = guest.output()
        sys.stdout.buffer.write(output[shown:])
        sys.stdout.buffer.flush()
        shown = len(output)
        if status is not None:
            return status
        if time.monotonic() - guest.started > within:
            raise MachineError(f"the command has not ended after {within:.0f} s")
        time.sleep(LOOK_SECONDS)


def _write_command(out: Path, command: Sequence[str], environment: Mapping[str, str]) -> None:
    variables = {
        "PATH": program_path(),
        "HOME": "/tmp",
        "LANG": "C.UTF-8",
        "PYTHONPATH": str(ROOT / "tests"),
        "PYTHONDONTWRITEBYTECODE": "1",  # the tree is read-only in there
        "PYTHONUNBUFFERED": "1",
        "HYPOTHESIS_STORAGE_DIRECTORY": "/tmp/hypothesis",
        "MACHINE_OUT": str(out),
        **environment,
    }
    lines = [f"export {name}={shlex.quote(value)}" for name, value in variables.items()]
    lines += [f"cd {shlex.quote(str(ROOT))}", shlex.join(command)]
    (out / "command").write_text("\n".join(lines) + "\n")


def _end(guard: subprocess.Popen[bytes]) -> None:
    """End the machine by its guard, which this module started in a process group of its own."""
    guard.terminate()
    try:
        guard.wait(5)
    except subprocess.TimeoutExpired:
        os.killpg(guard.pid, signal.SIGKILL)
        guard.wait(5)


def _read(path: Path) -> bytes:
    return path.read_bytes() if path.exists() else b""


def main(command: Sequence[str]) -> int:
    """Run ``command`` in a machine, of the first kind that boots, and return its exit status."""
    lost = missing_for_machine()
    try:
        for kind in usable():
            try:
                with machine(kind, command) as guest:
                    return copy_output(guest)
            except BootError as error:
                lost = str(error)
    except MachineError as error:
        lost = str(error)
    sys.stderr.write(f"{lost}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] or ["sh", "-c", f"PATH={SYSTEM_PATH} uname -a; ipvsadm --list"]))
