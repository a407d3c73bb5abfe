"""The host that a benchmark ran on: its processor and kernel, and the versions of what was compared."""

from __future__ import annotations

import os
import platform
import re
import shutil
import ssl
import subprocess
import time
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

from harness.host import ROOT, program_path

PACKAGES = ("keepalived", "ldirectord", "ipvsadm", "nginx-light")
LIBRARIES = ("uvloop",)


def describe() -> dict[str, str]:
    """Return what the page says of this host, today and the project's revision included."""
    guest = "MACHINE_OUT" in os.environ
    return {
        "day": time.strftime("%Y-%m-%d"),
        "revision": _output("git", "-C", str(ROOT), "describe", "--always", "--dirty"),
        "machine": "virtual, software emulation" if guest else "native",
        "processor": f"{os.cpu_count()} x {_processor()}",
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.1f} GiB",
        "kernel": f"{platform.system()} {platform.release()}",
        "Python": platform.python_version(),
        "OpenSSL": ssl.OPENSSL_VERSION.split()[1],
        **{name: version(name) for name in LIBRARIES},
        **dict(_packages()),
    }


def _processor() -> str:
    found = re.search(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return found[1] if found else platform.machine()


def _packages() -> Iterator[tuple[str, str]]:
    for name in PACKAGES:
        if found := _output("dpkg-query", "--show", "--showformat=${Version}", name):
            yield name, found


def _output(*argv: str) -> str:
    """Return what a program prints, nothing when it fails or is not there."""
    if shutil.which(argv[0], path=program_path()) is None:
        return ""
    return subprocess.run(argv, check=False, capture_output=True, text=True, timeout=60).stdout.strip()
