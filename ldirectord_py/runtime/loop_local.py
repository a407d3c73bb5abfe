"""Objects of which there is one for each event loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class LoopLocal(Generic[T]):
    """Returns the object of the running event loop, which ``make`` creates on the first call.

    Each thread keeps the object of its last loop only. Where loops alternate in one thread, each call creates a new
    object.
    """

    def __init__(self, make: Callable[[asyncio.AbstractEventLoop], T]) -> None:
        self._make = make
        self._last: _Last[T] = _Last()

    def __call__(self) -> T:
        """Return the object of the running loop; raises RuntimeError without one."""
        last = self._last
        # A thread runs one loop at a time. get_running_loop() of Python 3.11 would cost a system call (getpid).
        if last.loop is None or not last.loop.is_running():
            loop = asyncio.get_running_loop()
            if last.loop is not loop:
                last.loop, last.made = loop, self._make(loop)
        return last.made


class _Last(threading.local, Generic[T]):
    loop: asyncio.AbstractEventLoop | None = None
    made: T
