"""Where this host has what the harness starts, and whether it has an IPVS of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
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


def _succeeds(*argv: str) -> bool:
    program = shutil.which(argv[0], path=program_path())
    if program is None:
        return False
    return subprocess.run([program, *argv[1:]], check=False, capture_output=True).returncode == 0
