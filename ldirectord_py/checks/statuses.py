"""Which statuses of HTTP a check expects, as ``expectstatus`` has them: ``200``, ``200-299,401``."""

from __future__ import annotations

from collections.abc import Collection
from functools import lru_cache

from ldirectord_py.checks.answer import SUCCESS


@lru_cache(maxsize=1024)
def statuses(text: str) -> Collection[int]:
    """Return the statuses that the text names; those of success where it names none."""
    if not text:
        return SUCCESS
    ranges = (part.partition("-") for part in text.split(","))
    return frozenset(code for first, _, last in ranges for code in range(int(first), int(last or first) + 1))
