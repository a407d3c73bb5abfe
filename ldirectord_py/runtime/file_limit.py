"""The limit of open files: raising it, and how many checks in flight it allows."""

from __future__ import annotations

import contextlib
import resource
from typing import Final

WANTED_FILES: Final = 65536
"""Descriptors, enough for the largest configurations; more would slow programs that close all possible ones."""

RESERVED_FILES: Final = 256
"""Descriptors for everything except checks: logs, mails, commands, reloads."""


def raise_limit(wanted: int = WANTED_FILES) -> int:
    """Raise the limit of open files to ``wanted``, as far as the host allows; return the limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    target = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft == resource.RLIM_INFINITY:
        return wanted
    if soft < target:
        with contextlib.suppress(ValueError, OSError):  # a sandbox may forbid it
            resource.setrlimit(resource.RLIMIT_NOFILE, (target, hard))
            return target
    return soft


def max_checks(wanted: int | None, limit: int) -> int:
    """Return how many checks may be in flight: ``wanted``, but no more than ``limit`` open files allow."""
    room = max(1, limit - min(RESERVED_FILES, limit // 2))
    return room if wanted is None else min(wanted, room)
