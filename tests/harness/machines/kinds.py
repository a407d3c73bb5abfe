"""The two kinds of machine that have IPVS: User-Mode Linux, and a kernel in software emulation.

User-Mode Linux is a kernel that runs as a process: no emulation, no KVM, booted in two seconds, one processor, so
several run side by side: three for each processor, since each waits a part of its time. It needs x86-64 and ptrace;
system calls are slow in it. virtme-ng boots an unpacked Debian
kernel in QEMU, anywhere (KVM is left alone: it hangs where it is nested badly).
"""

from __future__ import annotations

import os
import platform
import shlex
import shutil
import sys
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Final

from harness.host import ROOT, program_path

KERNELS: Final = ROOT / ".cache" / "kernel"
MEMORY: Final = "2G"
MEMORY_BYTES: Final = 2 << 30
GUEST: Final = Path(__file__).with_name("guest.sh")
UML_GUEST: Final = Path(__file__).with_name("uml.sh")
CACHED: Final = "cached"  # the tag of a second share of the root; guest.sh mounts it with a cache
OWN: Final = ("/tmp", "/run")
LAB: Final = ("setpriv", "taskset", "kmod", "ip", "ipvsadm", "nginx")


class Kind(ABC):
    """A kind of machine; ``boot_seconds`` is the limit of its boot on an ordinary idle host.

    ``side_by_side`` machines run at a time; each has at most ``max_assigned`` light tests.
    """

    name: str
    programs: tuple[str, ...]
    boot_seconds: float
    side_by_side: int
    max_assigned: int

    def missing(self) -> str:
        """Return why such a machine cannot boot here, "" if it can."""
        if hidden := [folder for folder in OWN if ROOT.is_relative_to(folder)]:
            return f"a machine has a {hidden[0]} of its own, and would not see the project there: move it elsewhere"
        absent = [name for name in (*LAB, *self.programs) if shutil.which(name, path=program_path()) is None]
        return f"{self.name} lacks {', '.join(absent)}" if absent else self.missing_kernel()

    @abstractmethod
    def boot_command(self, out: Path, number: int) -> list[str]:
        """Return the command that boots the machine ``number`` with the shared directory ``out``."""

    @abstractmethod
    def missing_kernel(self) -> str:
        """Return why there is no kernel for such a machine here, "" if there is one."""


class UserMode(Kind):
    """User-Mode Linux."""

    name = "User-Mode Linux"
    programs = ("ipset", "iptables-legacy-restore")
    boot_seconds = 60.0
    side_by_side = min(3 * len(os.sched_getaffinity(0)), 8)
    max_assigned = 4
    image = KERNELS / "uml" / "linux.uml"

    def boot_command(self, out: Path, number: int) -> list[str]:
        """Return the command.

        It runs on one processor: on several, each switch between the kernel and its processes takes up to three times
        as long.
        """
        processors = sorted(os.sched_getaffinity(0))
        return [
            *("taskset", "--cpu-list", str(processors[number % len(processors)])),
            *("env", f"TMPDIR={self._memory(out)}"),
            *(str(self.image), f"mem={MEMORY}", *self._system(out), "quiet"),
            *("con=null", "con0=fd:0,fd:1", f"uml_dir={out}", "umid=machine"),
            f"MACHINE_OUT={out}",
        ]

    def _system(self, out: Path) -> tuple[str, ...]:
        """Return what the kernel boots, in words of its command line: over this host's root, read-only."""
        init = (f"init={UML_GUEST}", f"MACHINE_MODULES={self.image.parent}")
        return ("rootfstype=hostfs", "ro", "root=/dev/root", *init)

    def _memory(self, out: Path) -> Path:
        """Return the directory for the machine's memory, a file that grows with use."""
        shared = Path("/dev/shm")
        return shared if shared.exists() and shutil.disk_usage(shared).free > MEMORY_BYTES * self.side_by_side else out

    def missing_kernel(self) -> str:
        if platform.machine() != "x86_64":
            return f"{self.name} is for x86-64"
        return "" if self.image.exists() else f"there is no {self.image}"


class Emulated(Kind):
    """A Debian kernel under QEMU's emulation; its two processors are slow."""

    name = "the emulated machine"
    programs = ("qemu-system-x86_64", "busybox", "file")
    boot_seconds = 120.0
    side_by_side = 1
    max_assigned = 6
    cpus = 2

    def boot_command(self, out: Path, number: int) -> list[str]:
        """Return the command; the root is this host's, read-only."""
        cached = (
            f"-fsdev local,id={CACHED},path=/,security_model=none,readonly=on,multidevs=remap"
            f" -device virtio-9p-pci,fsdev={CACHED},mount_tag={CACHED}"
        )
        places = {str(ROOT), sys.prefix, sys.base_prefix} - {"/usr"}  # of /usr, guest.sh knows which parts
        inside = shlex.join(["sh", str(GUEST), str(out), CACHED, *sorted(places)])
        return [
            *(str(Path(sys.prefix) / "bin" / "vng"), "--verbose", "--disable-kvm", "--force-9p"),
            *("--run", str(self._image()), "--cpus", str(self.cpus), "--memory", MEMORY),
            *(f"--rwdir={out}", f"--qemu-opts={cached}", "--append", "mitigations=off", "--", inside),
        ]

    def missing_kernel(self) -> str:
        return "" if self._image() else f"there is no kernel in {KERNELS / 'boot'}"

    def _image(self) -> Path | None:
        """Return the newest kernel that ``make machine`` unpacked, or None."""
        images = (KERNELS / "boot").glob("vmlinuz-*")
        return max(images, default=None, key=lambda path: path.stat().st_mtime)


USER_MODE: Final = UserMode()
EMULATED: Final = Emulated()


def usable() -> tuple[Kind, ...]:
    """Return the kinds that can be booted here, the faster one first; with ``MACHINE=emulated`` only that one."""
    kinds = (EMULATED,) if os.environ.get("MACHINE") == "emulated" else (USER_MODE, EMULATED)
    return tuple(kind for kind in kinds if not kind.missing())


def missing_for_machine() -> str:
    """Return why no kind of machine can boot here, "" if one can."""
    if "MACHINE_OUT" in os.environ:
        return "the virtual machine's own kernel has no IPVS: is there no module ip_vs beside it?"
    if usable():
        return ""
    reasons = "; ".join(kind.missing() for kind in (USER_MODE, EMULATED))
    return f"this kernel has no IPVS and no virtual machine can be booted: {reasons}: run `make machine`"
