"""Search an answer for a pattern, without letting a slow pattern stop the loop."""

from __future__ import annotations

import regex

from ldirectord_py.checks.pattern import Pattern
from ldirectord_py.checks.threads import THREADS
from ldirectord_py.errors import CheckFailed

_BRANCHING = frozenset(b"*+?{(|")

IN_LOOP = 0.005
"""Seconds that a search may take in the event loop; a slower one is done again in a thread."""

IN_THREAD = 1.0
"""Seconds that a search may take at all."""


async def search(pattern: Pattern, data: bytes | bytearray, start: int = 0) -> tuple[int, int] | None:
    """Return where the pattern matches from ``start`` on, or None; raises CheckFailed if it takes too long."""
    try:
        match = pattern.search(data, start, timeout=None if _linear(pattern) else IN_LOOP)
    except TimeoutError:
        match = await _in_thread(pattern, bytes(data), start)
    return match.span() if match else None


def _linear(pattern: Pattern) -> bool:
    """Whether the pattern can only take time in proportion to the data; then no clock needs to be watched."""
    return _BRANCHING.isdisjoint(pattern.pattern)


async def _in_thread(pattern: Pattern, data: bytes, start: int) -> regex.Match[bytes] | None:
    try:
        return await THREADS.run(lambda: pattern.search(data, start, timeout=IN_THREAD, concurrent=True))
    except TimeoutError:
        raise CheckFailed(f"the receive pattern takes more than {IN_THREAD:g} s on this answer") from None
