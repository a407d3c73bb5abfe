"""The limit of open files, raised at the start, and how many checks may be in flight under it."""

from __future__ import annotations

import contextlib
import resource
from typing import Final

WANTED_FILES: Final = 65536
"""Descriptors that are enough for the largest of configurations; programs that close all they may have stay quick."""

RESERVED_FILES: Final = 256
"""Descriptors for all that is no check: logs, mails, commands, reloads."""


def raise_limit(wanted: int = WANTED_FILES) -> int:
    """Return how many files this process may have open, raised as far as the host allows and is sensible."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    target = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft == resource.RLIM_INFINITY:
        return wanted
    if soft < target:
        with contextlib.suppress(ValueError, OSError):  # a sandbox may forbid it
            resource.setrlimit(resource.RLIMIT_NOFILE, (target, hard))
            return target
    return soft


def max_checks(asked: int | None, limit: int) -> int:
    """Return how many checks may be in flight: as many as are asked for, where ``limit`` open files have room."""
    room = max(1, limit - min(RESERVED_FILES, limit // 2))
    return room if asked is None else min(asked, room)
