"""Sets of capabilities, as the kernel shows them."""

from __future__ import annotations

from typing import Final

_NAMES: Final = (
    *("CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID", "SETPCAP"),
    *("LINUX_IMMUTABLE", "NET_BIND_SERVICE", "NET_BROADCAST", "NET_ADMIN", "NET_RAW"),
)
"""By their numbers; there are more."""

NONE: Final = f"{0:016x}"


def capability_set(*names: str) -> str:
    """Return a set as it is in /proc/PID/status."""
    return f"{sum(1 << _NAMES.index(name) for name in names):016x}"
