"""Keeps Python's garbage collector away from the many objects of a configuration, which live long."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Final

REVIEW_INTERVAL: Final = 20
"""Calls of ``freeze_survivors`` between two reviews of the frozen objects."""

MAX_GROWTH: Final = 1.02
"""Factor by which the frozen objects may grow until the garbage among them is collected."""

_lock = Lock()
_holders: set[object] = set()  # threads may overlap


@contextmanager
def gc_paused() -> Iterator[None]:
    """Pause the collector until the last of such blocks has ended, unless it was disabled before.

    A full collection runs whenever young objects reach 25 % of all objects: a third of the time of reading a large
    table, and pauses of the whole process that grow with the table. The block needs a deadline, so it belongs to the
    caller that waits, and not to a thread that may hang for ever.
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
    """Exclude all present objects from collections, such as a configuration that has come into force.

    A full collection over the objects of 10,000 servers holds the loop for 0.25 s, and all of them are 5 % of the cost
    of checks. Frozen objects are still freed with their last reference; cycles of them are freed by a later review.
    """
    gc.collect(1)  # or the garbage of parsing would stay for ever
    gc.freeze()
    _frozen.review()


class _Frozen:
    """Collects the garbage among the frozen objects when they have grown.

    Its state: their least number since the last collection, and the calls since the last review.
    """

    def __init__(self) -> None:
        self._size = 0
        self._calls = 0

    def review(self) -> None:
        """Collect the garbage among the frozen objects, if they have grown by more than MAX_GROWTH."""
        self._calls += 1
        if self._size and self._calls < REVIEW_INTERVAL:  # counting takes some 10 ms for 10,000 servers
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
