"""How many of something may be under way at once."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from contextlib import AbstractAsyncContextManager


class Limiter:
    """So many at a time, the others wait in the order in which they came.

    Its state: how many turns are taken, and who waits for one. To be used from one loop at a time.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._taken = 0
        self._waiting = OrderedDict[asyncio.Future[None], None]()  # who gives up leaves at once, however many wait

    @property
    def limit(self) -> int:
        """How many at a time; a lower limit ends no turn, a higher one lets others in at once."""
        return self._limit

    @limit.setter
    def limit(self, limit: int) -> None:
        self._limit = limit
        self._let_in()

    @property
    def taken(self) -> int:
        """How many turns are taken."""
        return self._taken

    @property
    def free(self) -> bool:
        """Whether a turn can be had without a wait."""
        return self._taken < self._limit and not self._waiting

    async def __aenter__(self) -> None:
        """Wait for a turn."""
        if self.free:
            self._taken += 1
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting[turn] = None
        try:
            await turn
        except asyncio.CancelledError:
            self._leave(turn)
            raise

    async def __aexit__(self, *_: object) -> None:
        """Give the turn back."""
        self.release()

    def acquire_nowait(self) -> None:
        """Take a turn without asking, for what goes on after a turn that has been given back."""
        self._taken += 1

    def release(self) -> None:
        """Give a turn to the next who waits."""
        self._taken -= 1
        self._let_in()

    def _leave(self, turn: asyncio.Future[None]) -> None:
        if turn in self._waiting:
            del self._waiting[turn]
        elif not turn.cancelled():  # it came at the very moment
            self.release()

    def _let_in(self) -> None:
        while self._waiting and self._taken < self._limit:
            turn, _ = self._waiting.popitem(last=False)
            if not turn.done():
                self._taken += 1
                turn.set_result(None)


class AcquireBoth:
    """Two things to hold at a time, the first one before the other."""

    __slots__ = ("_first", "_second")

    def __init__(self, first: AbstractAsyncContextManager[None], second: AbstractAsyncContextManager[None]) -> None:
        self._first = first
        self._second = second

    async def __aenter__(self) -> None:
        """Wait for both."""
        await self._first.__aenter__()
        try:
            await self._second.__aenter__()
        except BaseException:
            await self._first.__aexit__(None, None, None)
            raise

    async def __aexit__(self, *_: object) -> None:
        """Give both back."""
        await self._second.__aexit__(None, None, None)
        await self._first.__aexit__(None, None, None)
