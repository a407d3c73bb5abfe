"""Objects of which there is one for each event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class LoopLocal(Generic[T]):
    """Returns the object of the running event loop, which ``make`` creates when it is first asked for.

    It keeps the object of the last loop only: a process has one loop at a time. Where loops alternate, each call gets
    a new object, and whoever has the former keeps it.
    """

    def __init__(self, make: Callable[[asyncio.AbstractEventLoop], T]) -> None:
        self._make = make
        self._last: tuple[asyncio.AbstractEventLoop, T] | None = None

    def __call__(self) -> T:
        """Return the object of the running loop."""
        loop = asyncio.get_running_loop()
        if self._last is None or self._last[0] is not loop:
            self._last = loop, self._make(loop)
        return self._last[1]
