"""Works in the background, those of one lane one after the other."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any, Final

Job = Callable[[], Coroutine[Any, Any, object]]

MAX_WAITING: Final = 16
"""Works that wait in one lane at most; beyond that the oldest are dropped."""

logger = logging.getLogger(__name__)


class SerialQueues:
    """Does works in the order in which they are added to their lane; lanes do not wait for each other.

    Its state: what waits in each lane, how many works were dropped there, and the tasks at work. For one loop.
    """

    def __init__(self) -> None:
        self._waiting: dict[str, deque[Job]] = {}
        self._dropped: dict[str, int] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def add(self, lane: str, work: Job) -> None:
        """Do the work once all that was added to the lane before is done; an exception of it is logged."""
        waiting = self._waiting.get(lane)
        if waiting is None:
            self._waiting[lane] = deque([work])
            self._tasks.add(task := asyncio.create_task(self._run_queue(lane)))
            task.add_done_callback(self._tasks.discard)
            return
        if len(waiting) >= MAX_WAITING:
            waiting.popleft()
            self._dropped[lane] = self._dropped.get(lane, 0) + 1
        waiting.append(work)

    async def join(self) -> None:
        """Wait until nothing is left to do; has no deadline of its own."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def close(self) -> None:
        """Drop what waits, which is told, and wait no longer for what is under way."""
        for lane, waiting in self._waiting.items():
            if waiting:
                logger.warning("%d commands for %s are left out: the daemon ends", len(waiting), lane)
                waiting.clear()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run_queue(self, lane: str) -> None:
        waiting = self._waiting[lane]
        try:
            while waiting:
                work = waiting.popleft()
                try:
                    await work()
                except Exception:  # a fault of ours must not keep the lane from going on
                    logger.exception("Work for %s failed", lane)
                if dropped := self._dropped.pop(lane, 0):
                    logger.warning("%d commands for %s were left out: those before them took too long", dropped, lane)
        finally:
            del self._waiting[lane]
