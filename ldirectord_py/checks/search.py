"""Search an answer for a pattern; a slow pattern does not block the event loop."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ldirectord_py.checks.pattern import Pattern
from ldirectord_py.checks.threads import THREADS
from ldirectord_py.errors import CheckFailed

if TYPE_CHECKING:
    import regex

_BRANCHING = frozenset(b"*+?{(|")

LOOP_TIMEOUT = 0.005
"""Seconds of a search in the event loop; a slower one is repeated in a thread."""

THREAD_TIMEOUT = 1.0
"""Seconds of a search in a thread; a slower one fails the check."""


async def search(pattern: Pattern, data: bytes | bytearray, start: int = 0) -> tuple[int, int] | None:
    """Return start and end of the first match at or after ``start``, or None; raises CheckFailed if it is too slow."""
    try:
        match = pattern.search(data, start, timeout=None if _is_linear(pattern) else LOOP_TIMEOUT)
    except TimeoutError:
        match = await _search_in_thread(pattern, bytes(data), start)
    return match.span() if match else None


def _is_linear(pattern: Pattern) -> bool:
    """Whether the search takes linear time, so that it needs no timeout."""
    return _BRANCHING.isdisjoint(pattern.pattern)


async def _search_in_thread(pattern: Pattern, data: bytes, start: int) -> regex.Match[bytes] | None:
    try:
        return await THREADS.run(lambda: pattern.search(data, start, timeout=THREAD_TIMEOUT, concurrent=True))
    except TimeoutError:
        raise CheckFailed(f"the receive pattern takes more than {THREAD_TIMEOUT:g} s on this answer") from None
