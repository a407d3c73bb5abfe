"""Settings of the kernel by their dotted names, as the network namespace of the calling thread has them."""

from __future__ import annotations

from pathlib import Path


def sysctl_path(name: str) -> Path:
    """Return the file of a sysctl: dots become slashes, and a slash is the dot of a link's name."""
    return Path("/proc/sys") / name.translate({ord("."): "/", ord("/"): "."})


def write_sysctl(name: str, value: int) -> bool:
    """Set a sysctl, unless it has this value; return whether it had another. Raises OSError."""
    path = sysctl_path(name)
    if path.read_text().strip() == str(value):
        return False
    path.write_text(f"{value}\n")
    return True
