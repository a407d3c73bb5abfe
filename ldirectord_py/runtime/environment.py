"""The environment and the words of a command from the configuration."""

from __future__ import annotations

import os
import re
import shlex
from typing import Final

WITHHELD: Final = ("NOTIFY_", "WATCHDOG_", "LISTEN_", "JOURNAL_", "CREDENTIALS_", "MEMORY_PRESSURE_", "INVOCATION_ID")
"""Prefixes of the variables that a service manager sets for the daemon alone."""

PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""The PATH of commands where the daemon has none."""

_UNQUOTED = re.compile(r"[^\s'\"\\]*").fullmatch


def environment() -> dict[str, str]:
    """Return the environment for a command: ours, without the variables of its service manager."""
    return {"PATH": PATH} | {name: value for name, value in os.environ.items() if not name.startswith(WITHHELD)}


def split(command: str) -> list[str]:
    """Return the words of a command as a shell splits them; the path of an existing file is one word.

    Raises ValueError for a quote that is not closed.
    """
    if not _UNQUOTED(command) and os.path.isfile(command):  # noqa: PTH113  Path.is_file raises for a long name
        return [command]
    return shlex.split(command)
