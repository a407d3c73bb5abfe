"""Python's collector of garbage, held off while many objects are made that stay.

It looks at all that is new each time that a quarter of everything is: a third of the time of reading a large table, and
pauses of the whole process that grow with it.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

_lock = Lock()
_holders: set[object] = set()  # threads may overlap


@contextmanager
def held_off() -> Iterator[None]:
    """Keep the collector from running until the last of such blocks has ended, where it was not off before.

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
