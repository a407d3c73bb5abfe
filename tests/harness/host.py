"""The programs of this host, and whether its kernel has IPVS."""

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
    """Return the PATH for all programs of the harness: the virtual environment first, then the system."""
    return f"{Path(sys.prefix) / 'bin'}:{SYSTEM_PATH}"


@cache
def has_ipvs() -> bool:
    """Return whether this process may change IPVS tables in its own network namespaces."""
    if os.geteuid() != 0:
        return False
    _succeeds("modprobe", "--quiet", "ip_vs")  # fails if IPVS is built in; the next line tells
    return Path("/proc/net/ip_vs").exists() and _succeeds("unshare", "--net", "true")


def _succeeds(*argv: str) -> bool:
    program = shutil.which(argv[0], path=program_path())
    if program is None:
        return False
    return subprocess.run([program, *argv[1:]], check=False, capture_output=True).returncode == 0
