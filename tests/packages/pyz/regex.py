"""In the place of regex, which is compiled: what checks use of it, by Python's own ``re``.

A pattern that ``re`` does not know, and regex may, is accepted; a check that searches for it has no verdict.
"""

from __future__ import annotations

import re
import signal
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from types import FrameType
from typing import Final, NoReturn

from ldirectord_py.errors import Inconclusive

VERSION0: Final = 0
SEARCH_TIMEOUT: Final = 1.0
"""Seconds of a search for which the caller sets a limit, whatever that is: it cannot be repeated in a thread."""

_UNKNOWN: Final = re.compile(rb"\\[pPXKGRQEhHVNmML]|\[\[:|\(\?(?:[|R&0-9(]|\w+\))")
"""What ``re`` lacks: properties, classes of POSIX, branch reset, recursion, flags in the middle."""

error = re.error


class Pattern:
    """A pattern for bytes, with the methods of one of regex."""

    def __init__(self, source: bytes, searched: re.Pattern[bytes] | None) -> None:
        self.pattern = source
        self._searched = searched

    def search(
        self,
        data: bytes | bytearray,
        pos: int = 0,
        *,
        timeout: float | None = None,
        concurrent: bool = False,
    ) -> re.Match[bytes] | None:
        """Return the first match; raises TimeoutError, outside of the main thread always: nothing ends it there."""
        if self._searched is None:
            raise Inconclusive("ldirectord.pyz cannot search for this pattern: install ldirectord-py")
        if concurrent or threading.current_thread() is not threading.main_thread():
            raise TimeoutError
        with _limited() if timeout else nullcontext():
            return self._searched.search(data, pos)


def compile(pattern: bytes, flags: int = VERSION0, *, cache_pattern: bool = True) -> Pattern:  # noqa: A001
    """Return a pattern; raises ``error``."""
    try:
        with warnings.catch_warnings(action="ignore", category=FutureWarning):
            return Pattern(pattern, re.compile(pattern, flags))
    except error:
        if _UNKNOWN.search(pattern):
            return Pattern(pattern, None)
        raise


@contextmanager
def _limited() -> Iterator[None]:
    former = signal.signal(signal.SIGALRM, _stop)
    signal.setitimer(signal.ITIMER_REAL, SEARCH_TIMEOUT)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, former)


def _stop(_number: int, _frame: FrameType | None) -> NoReturn:
    raise TimeoutError
