"""No core dumps: the memory of this program holds the passwords of checks, and keys of TLS."""

from __future__ import annotations

import resource
from typing import Final

MAX_CORE: Final = 1
"""Bytes. With this limit the kernel writes no file and starts no program of kernel.core_pattern, as it does with 0."""


def forbid_core_dumps() -> None:
    """Keep the kernel from dumping the memory of this process and of all that it starts, however they end."""
    try:
        resource.setrlimit(resource.RLIMIT_CORE, (MAX_CORE, MAX_CORE))
    except ValueError:  # the limit is 0 already, and this process may not raise it
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
