"""Python's collector of garbage, kept from objects that are many and stay."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Final

REVIEW_INTERVAL: Final = 20
"""Calls of ``spare`` between two reviews of what is passed over."""

MAX_GROWTH: Final = 1.02
"""By what it may have grown since the garbage in it was collected."""

_lock = Lock()
_holders: set[object] = set()  # threads may overlap


@contextmanager
def gc_paused() -> Iterator[None]:
    """Keep the collector from running until the last of such blocks has ended, where it was not off before.

    It looks at all that is new each time that a quarter of everything is: a third of the time of reading a large table,
    and pauses of the whole process that grow with it.

    The block is to be that of who waits, with a deadline: a thread may hang for ever.
    """
    if not (gc.isenabled() or _holders):
        yield
        return
    holder = object()
    with _lock:
        _holders.add(holder)
        gc.disable()
    try:
        yield
    finally:
        with _lock:
            _holders.remove(holder)
            if not _holders:
                gc.enable()


def freeze_survivors() -> None:
    """Let the collector pass over all that is there now, such as a configuration that has come into force.

    Looking through that of 10,000 servers, over and over, holds the loop for a quarter of a second and is a twentieth
    of what checks cost. What is dropped later goes all the same, when the last reference does; cycles of it go the next
    time that much more has gathered.
    """
    gc.collect(1)  # what parsing left behind is not to stay for ever
    gc.freeze()
    _frozen.review()


class _Frozen:
    """Looks through what is passed over when that has grown.

    Its state: the least size since it was looked through, and the calls since the last review.
    """

    def __init__(self) -> None:
        self._size = 0
        self._calls = 0

    def review(self) -> None:
        """Collect the garbage among what is passed over, if it has grown by more than MAX_GROWTH."""
        self._calls += 1
        if self._size and self._calls < REVIEW_INTERVAL:  # to count it takes some 10 ms for 10,000 servers
            return
        self._calls = 0
        size = gc.get_freeze_count()
        if self._size and size > MAX_GROWTH * self._size:
            gc.unfreeze()
            gc.collect()
            gc.freeze()
            self._size = gc.get_freeze_count()
        else:
            self._size = min(size, self._size or size)


_frozen = _Frozen()
