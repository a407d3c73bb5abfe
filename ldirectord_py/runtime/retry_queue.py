"""Items that wait to be sent somewhere: bounded, tried again after a failure, sent in the background."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Generic, TypeVar

from ldirectord_py.runtime.backoff import Backoff
from ldirectord_py.runtime.waiting import wait_until_set

T = TypeVar("T")

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class QueueTexts:
    """The log lines of a queue, with a place for its name, and for a reason or a number.

    ``failing``: sending fails (name, reason); ``crashed``: by a bug of ours (name); ``works_again`` (name); ``losing``:
    items get lost (name); ``lost`` and ``unsent``: how many got lost, and how many were left at the end (number, name).
    """

    failing: str
    crashed: str
    works_again: str
    losing: str
    lost: str
    unsent: str


@dataclass(frozen=True, slots=True)
class QueueLimits:
    """How many items a queue keeps, and the seconds between two attempts, doubled as long as they fail."""

    items: int
    min_delay: float
    max_delay: float


class RetryQueue(Generic[T]):
    """Calls ``send_all`` in a task while ``items`` has any, and again later while it fails.

    ``send_all`` removes each item once its result is known, and returns why some stay, or nothing. After a failure the
    queue drops the first items for which ``is_too_old`` is true. Its state: the items, the delay before the next
    attempt, how many were lost since that was reported and ``lost_in_all``, and whether a failure was reported.
    """

    def __init__(
        self,
        name: str,
        texts: QueueTexts,
        send_all: Callable[[], Awaitable[str]],
        is_too_old: Callable[[T], bool],
        limits: QueueLimits,
    ) -> None:
        self.items: deque[T] = deque()
        self.name = name
        self._texts = texts
        self._send_all = send_all
        self._is_too_old = is_too_old
        self._max_items = limits.items
        self._backoff = Backoff(limits.min_delay, limits.max_delay)
        self._lost = 0
        self.lost_in_all = 0
        self._delay = 0.0
        self._is_failing = False
        self._closing = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def is_idle(self) -> bool:
        """Whether nothing is queued or being sent."""
        return self._task is None or self._task.done()

    def add(self, item: T) -> None:
        """Queue an item, or drop and count it if the queue is full."""
        if len(self.items) >= self._max_items:
            self.count_lost()
            return
        self.items.append(item)
        if self.is_idle:
            self._task = asyncio.create_task(self._run())

    async def close(self, timeout: float) -> None:  # noqa: ASYNC109
        """Send the items in one more attempt, for ``timeout`` seconds at most; log how many stay unsent."""
        self._closing.set()
        if self._task is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(timeout):
                    await self._task
        if unsent := self._lost + len(self.items):
            logger.warning(self._texts.unsent, unsent, self.name)
        self.items.clear()
        self._lost = 0

    def report_sent(self) -> None:
        """Record that an item was sent: the failures are over."""
        if self._is_failing:
            logger.info(self._texts.works_again, self.name)
        if self._lost:
            logger.warning(self._texts.lost, self._lost, self.name)
        self._is_failing, self._lost = False, 0
        self._backoff.reset()

    def count_lost(self) -> None:
        """Record that an item was dropped."""
        if not self._lost:
            logger.warning(self._texts.losing, self.name)
        self._lost += 1
        self.lost_in_all += 1

    async def _run(self) -> None:
        """Send until the queue is empty, or once more after ``close``."""
        while self.items:
            if self._delay:
                await wait_until_set(self._closing, self._delay)
            is_last = self._closing.is_set()
            try:
                failure = await self._send_all()
            except OSError as error:  # this host is out of descriptors
                failure = str(error)
            except Exception as error:  # a bug of ours must not end the queue for good
                logger.exception(self._texts.crashed, self.name)
                failure = str(error) or type(error).__name__
            if failure:
                self._retry_later(failure)
            else:
                self._delay = 0.0
            if is_last:
                return

    def _retry_later(self, failure: str) -> None:
        if not self._is_failing:
            logger.warning(self._texts.failing, self.name, failure)
        self._is_failing = True
        self._delay = self._backoff.next_delay()
        while self.items and self._is_too_old(self.items[0]):
            self.items.popleft()
            self.count_lost()
