"""What this host offers to the kernel tier: IPVS of its own, or the parts to boot a machine that has it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
KERNELS = ROOT / ".cache" / "kernel" / "boot"
PROGRAMS = ("setpriv", "qemu-system-x86_64", "busybox", "file", "kmod", "ip", "ipvsadm", "nft", "nginx", "sysctl")
SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def program_path() -> str:
    """Return the PATH of everything that the harness starts: the environment's programs, then the system's."""
    return f"{Path(sys.prefix) / 'bin'}:{SYSTEM_PATH}"


@cache
def has_ipvs() -> bool:
    """Return whether this process may build IPVS tables in network namespaces of its own."""
    if os.geteuid() != 0:
        return False
    _succeeds("modprobe", "--quiet", "ip_vs")  # built in where it fails and the next line holds
    return Path("/proc/net/ip_vs").exists() and _succeeds("unshare", "--net", "true")


def kernel_image() -> Path | None:
    """Return the newest kernel that ``make kernel`` unpacked, or None."""
    return max(KERNELS.glob("vmlinuz-*"), default=None, key=lambda path: path.stat().st_mtime)


def missing_for_machine() -> str:
    """Return what keeps a virtual machine from booting here, in words; empty when nothing does."""
    if "MACHINE_OUT" in os.environ:
        return "the virtual machine's own kernel has no IPVS: is there no module ip_vs beside it?"
    absent = [name for name in PROGRAMS if shutil.which(name, path=program_path()) is None]
    if absent:
        return f"this kernel has no IPVS and the virtual machine lacks {', '.join(absent)}: run `make machine`"
    if kernel_image() is None:
        return f"this kernel has no IPVS and {KERNELS} holds none that has: run `make machine`"
    return ""


def _succeeds(*argv: str) -> bool:
    program = shutil.which(argv[0], path=program_path())
    if program is None:
        return False
    return subprocess.run([program, *argv[1:]], check=False, capture_output=True).returncode == 0
