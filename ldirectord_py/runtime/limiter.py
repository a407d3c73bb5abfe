"""Limits on how many operations run at once."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections import OrderedDict


class Room(ABC):
    """Something to hold while an operation runs; an asynchronous context manager.

    ``try_acquire`` comes first: it needs no coroutine where there is no wait.
    """

    __slots__ = ()

    @abstractmethod
    def try_acquire(self) -> bool:
        """Acquire without a wait; return whether that was possible."""

    @abstractmethod
    async def acquire(self) -> None:
        """Wait until it is acquired."""

    @abstractmethod
    def release(self) -> None:
        """Let the next one acquire it."""

    async def __aenter__(self) -> None:
        """Acquire."""
        if not self.try_acquire():
            await self.acquire()

    async def __aexit__(self, *_: object) -> None:
        """Release."""
        self.release()


class Limiter(Room):
    """Lets ``limit`` operations run at once; others wait in order of arrival.

    Its state: how many run, and who waits. To be used from one event loop at a time.
    """

    __slots__ = ("_acquired", "_limit", "_waiting")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._acquired = 0
        self._waiting = OrderedDict[asyncio.Future[None], None]()  # one of many that gives up leaves in O(1)

    @property
    def limit(self) -> int:
        """How many run at once; a lower limit ends none of them, a higher one starts others at once."""
        return self._limit

    @limit.setter
    def limit(self, limit: int) -> None:
        self._limit = limit
        self._admit()

    @property
    def acquired(self) -> int:
        """How many run now."""
        return self._acquired

    def try_acquire(self) -> bool:
        """Acquire without a wait, unless the limit is reached or others wait; return whether that was possible."""
        if self._acquired >= self._limit or self._waiting:
            return False
        self._acquired += 1
        return True

    async def acquire(self) -> None:
        """Wait for our turn."""
        turn = asyncio.get_running_loop().create_future()
        self._waiting[turn] = None
        self._admit()
        try:
            await turn
        except asyncio.CancelledError:
            self._give_up(turn)
            raise

    def acquire_beyond_limit(self) -> None:
        """Acquire at once, whatever the limit is."""
        self._acquired += 1

    def release(self) -> None:
        """Let the next one run."""
        self._acquired -= 1
        if self._waiting:
            self._admit()

    def _give_up(self, turn: asyncio.Future[None]) -> None:
        if turn in self._waiting:
            del self._waiting[turn]
        elif not turn.cancelled():  # granted in the same turn of the loop
            self.release()

    def _admit(self) -> None:
        while self._waiting and self._acquired < self._limit:
            turn, _ = self._waiting.popitem(last=False)
            if not turn.done():
                self._acquired += 1
                turn.set_result(None)


class AcquireBoth(Room):
    """Two rooms, acquired one after the other."""

    __slots__ = ("_first", "_second")

    def __init__(self, first: Room, second: Room) -> None:
        self._first = first
        self._second = second

    def try_acquire(self) -> bool:
        """Acquire both without a wait; return whether that was possible."""
        if not self._first.try_acquire():
            return False
        if self._second.try_acquire():
            return True
        self._first.release()
        return False

    async def acquire(self) -> None:
        """Wait for both."""
        await self._first.__aenter__()
        try:
            await self._second.__aenter__()
        except BaseException:
            self._first.release()
            raise

    def release(self) -> None:
        """Release both."""
        self._second.release()
        self._first.release()
