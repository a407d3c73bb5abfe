"""Long work for requests in slices, of which a turn of the event loop does one, however many clients ask."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from time import monotonic
from typing import Final, TypeVar

from ldirectord_py.runtime.loop_local import LoopLocal

SLICE_LENGTH: Final = 0.001
"""Seconds of ``in_slices`` in a turn of the event loop, and one more item."""

Item = TypeVar("Item")

_slices = LoopLocal(lambda _: asyncio.Lock())


@asynccontextmanager
async def one_slice() -> AsyncIterator[None]:
    """Wait until no other slice is done in this turn; the next one is for the next turn."""
    async with _slices():
        yield
        await asyncio.sleep(0)  # with the lock


async def in_slices(items: Iterable[Item]) -> list[Item]:
    """Return the items, which are made in slices of SLICE_LENGTH."""
    made: list[Item] = []
    rest, is_done = iter(items), False
    while not is_done:
        async with one_slice():
            end, is_done = monotonic() + SLICE_LENGTH, True  # the loop's clock may stand still within a turn
            for item in rest:
                made.append(item)
                if monotonic() >= end:
                    is_done = False
                    break
    return made
