"""Long work for requests in slices, of which a turn of the event loop does one, however many clients ask."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from ldirectord_py.runtime.loop_local import LoopLocal

_slices = LoopLocal(lambda _: asyncio.Lock())


@asynccontextmanager
async def one_slice() -> AsyncIterator[None]:
    """Wait until no other slice is done in this turn; the next one is for the next turn."""
    async with _slices():
        yield
        await asyncio.sleep(0)  # with the lock
