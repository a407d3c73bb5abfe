"""What there is one of for each event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class OfLoop(Generic[T]):
    """Returns the running loop's own; its state is the last one, as a process has one loop at a time.

    Where loops take turns each gets another one, and those who have the former keep it.
    """

    def __init__(self, make: Callable[[asyncio.AbstractEventLoop], T]) -> None:
        self._make = make
        self._last: tuple[asyncio.AbstractEventLoop, T] | None = None

    def __call__(self) -> T:
        """Return what was made for the running loop, now if there is none."""
        loop = asyncio.get_running_loop()
        if self._last is None or self._last[0] is not loop:
            self._last = loop, self._make(loop)
        return self._last[1]
