"""Background jobs in named queues: the jobs of one queue run one after the other."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any, Final

Job = Callable[[], Coroutine[Any, Any, object]]

MAX_WAITING: Final = 16
"""Jobs that wait in one queue; a further one replaces the oldest."""

logger = logging.getLogger(__name__)


class SerialQueues:
    """Runs jobs in the order in which they were added to their queue; queues do not wait for each other.

    Its state: the jobs that wait in each queue, how many were dropped there, and the running tasks. For one loop.
    """

    def __init__(self) -> None:
        self._waiting: dict[str, deque[Job]] = {}
        self._dropped: dict[str, int] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def add(self, name: str, job: Job) -> None:
        """Run the job after those that were added to the queue before; its exceptions are logged."""
        waiting = self._waiting.get(name)
        if waiting is None:
            self._waiting[name] = deque([job])
            self._tasks.add(task := asyncio.create_task(self._run_queue(name)))
            task.add_done_callback(self._tasks.discard)
            return
        if len(waiting) >= MAX_WAITING:
            waiting.popleft()
            self._dropped[name] = self._dropped.get(name, 0) + 1
        waiting.append(job)

    async def join(self) -> None:
        """Wait until all jobs are done; without a timeout."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def close(self) -> None:
        """Drop the jobs that wait, with a warning, and cancel those that run."""
        for name, waiting in self._waiting.items():
            if waiting:
                logger.warning("%d commands for %s are left out: the daemon ends", len(waiting), name)
                waiting.clear()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run_queue(self, name: str) -> None:
        waiting = self._waiting[name]
        try:
            while waiting:
                job = waiting.popleft()
                try:
                    await job()
                except Exception:  # a bug of ours must not stop the queue
                    logger.exception("Command for %s failed", name)
                if dropped := self._dropped.pop(name, 0):
                    logger.warning("%d commands for %s were left out: those before them took too long", dropped, name)
        finally:
            del self._waiting[name]
