"""A virtual machine with IPVS that runs one command over this host's own files.

``python -m harness.machine COMMAND...`` boots one and prints what the command prints, as it prints it.

virtme-ng boots an unpacked Debian kernel under software emulation (KVM is left alone: it hangs where it is
nested badly). The guest sees the host's root read-only; /tmp and /run are its own; one directory, ``out``,
is shared for writing, and carries the command in and its output and exit status back.
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

from harness.host import ROOT, SYSTEM_PATH, kernel_image, missing_for_machine, program_path

BOOT_SECONDS = 120.0
MEMORY = "2G"
CPUS = "2"
GUEST = Path(__file__).with_name("guest.sh")
# Ends the machine's whole process group when the process that booted it ends, however that came about.
LEASH = ("setpriv", "--pdeathsig", "TERM", "sh", "-c", 'trap "trap - TERM; kill 0" TERM; "$@" & wait $!', "leash")
CACHED = "cached"  # the tag of a second share of the root; guest.sh mounts it with a cache


class MachineError(Exception):
    """The machine did not boot, or went away before its command ended; the text says what it printed."""


@dataclass(slots=True)
class Machine:
    """A booting or running machine; ``out`` is the directory shared with it."""

    process: subprocess.Popen[bytes]
    out: Path
    started: float

    def output(self) -> bytes:
        """Return what the command printed so far."""
        return _read(self.out / "output")

    def status(self) -> int | None:
        """Return the command's exit status, None while it runs; MachineError when it never will."""
        text = _read(self.out / "status")
        if text.endswith(b"\n"):
            return int(text)
        if self.process.poll() is not None and not (self.out / "status").exists():
            raise MachineError(f"the virtual machine went away{self.evidence()}")
        if not (self.out / "booted").exists() and time.monotonic() - self.started > BOOT_SECONDS:
            raise MachineError(f"the virtual machine did not boot in {BOOT_SECONDS:.0f} s{self.evidence()}")
        return None

    def evidence(self) -> str:
        """Return the ends of the console and of the command's output, to be shown after a failure."""
        console, output = (_read(self.out / name)[-3000:].decode(errors="replace") for name in ("console", "output"))
        return f"\n--- console ---\n{console}\n--- output ---\n{output}"


@contextmanager
def machine(command: Sequence[str], environment: Mapping[str, str] | None = None) -> Iterator[Machine]:
    """Boot a machine that runs ``command`` in the project's directory; it ends with the block."""
    if reason := missing_for_machine():
        raise MachineError(reason)
    with tempfile.TemporaryDirectory(prefix="ldirectord-machine-") as name:
        out = Path(name)
        _write_command(out, command, environment or {})
        with (out / "console").open("wb") as console:
            process = subprocess.Popen(
                [*LEASH, *_boot_command(out)],
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
                cwd="/",
                env={"PATH": program_path(), "HOME": name, "LANG": "C.UTF-8"},
                start_new_session=True,
            )
        try:
            yield Machine(process, out, time.monotonic())
        finally:
            _end(process)


def follow(guest: Machine, within: float = math.inf) -> int:
    """Copy the command's output to standard output as it comes; return its exit status.

    MachineError when the machine is lost, or is not done ``within`` seconds of its start.
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
            raise MachineError(f"the command is not done after {within:.0f} s")
        time.sleep(0.1)


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


def _boot_command(out: Path) -> list[str]:
    cached = (
        f"-fsdev local,id={CACHED},path=/,security_model=none,readonly=on,multidevs=remap"
        f" -device virtio-9p-pci,fsdev={CACHED},mount_tag={CACHED}"
    )
    places = {str(ROOT), sys.prefix, sys.base_prefix} - {"/usr"}  # of /usr, guest.sh knows which parts
    inside = shlex.join(["sh", str(GUEST), str(out), CACHED, *sorted(places)])
    return [
        *(str(Path(sys.prefix) / "bin" / "vng"), "--verbose", "--disable-kvm", "--force-9p"),
        *("--run", str(kernel_image()), "--cpus", CPUS, "--memory", MEMORY),
        *(f"--rwdir={out}", f"--qemu-opts={cached}", "--append", "mitigations=off", "--", inside),
    ]


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the machine's process group, which is the one that this module started."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(5)


def _read(path: Path) -> bytes:
    return path.read_bytes() if path.exists() else b""


def main(command: Sequence[str]) -> int:
    """Run ``command`` in a machine and return its exit status."""
    try:
        with machine(command) as guest:
            return follow(guest)
    except MachineError as error:
        sys.stderr.write(f"{error}\n")
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] or ["sh", "-c", f"PATH={SYSTEM_PATH} uname -a; ipvsadm --list"]))
