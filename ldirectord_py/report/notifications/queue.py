"""The notifications that wait for one command or webhook: bounded, in groups, never delaying a check."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final

from ldirectord_py.report.event_fields import Fields, event_fields
from ldirectord_py.report.events import Event
from ldirectord_py.report.notifications.transport import NotificationNotSentError, NotificationTransport
from ldirectord_py.runtime.incidents import OngoingFault
from ldirectord_py.runtime.retry_queue import QueueLimits, QueueTexts, RetryQueue

logger = logging.getLogger(__name__)

MAX_EVENTS: Final = 10_000
"""Events in a queue; all further ones are lost."""

MAX_GROUP: Final = 100
"""Events that are sent together."""

MIN_RETRY_DELAY = 5.0
MAX_RETRY_DELAY = 60.0
"""Seconds between two attempts; doubled as long as they fail."""

MAX_AGE: Final = 3600.0
"""Seconds after which an event is not sent again."""

_TEXTS = QueueTexts(
    failing="Notifications to %s fail: %s; they are sent again",
    crashed="Sending notifications to %s failed",
    works_again="Notifications go out to %s again",
    losing="Notifications to %s get lost: too many wait, or for too long",
    lost="%d notifications to %s were lost",
    unsent="%d notifications to %s were not sent",
)


@dataclass(frozen=True, slots=True)
class Notification:
    """An event, the time of it in seconds since the epoch, and of the monotonic clock."""

    event: Event
    seconds: float
    queued_at: float


class NotificationQueue:
    """Sends events in groups: those that occur while others are being sent wait, and leave together.

    Its state: the queue, whether its recipient refuses the events now, and how many it has refused.
    """

    def __init__(
        self,
        name: str,
        transport: NotificationTransport,
        host: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._name = name
        self._transport = transport
        self._host = host
        self._clock = clock
        self._refusal = OngoingFault()
        self._refused = 0
        limits = QueueLimits(MAX_EVENTS, MIN_RETRY_DELAY, MAX_RETRY_DELAY)
        self._queue = RetryQueue[Notification](name, _TEXTS, self._send_all, self._is_too_old, limits)

    @property
    def is_idle(self) -> bool:
        """Whether nothing is queued or being sent."""
        return self._queue.is_idle

    @property
    def lost(self) -> int:
        """How many events were lost, or refused by the recipient."""
        return self._queue.lost_in_all + self._refused

    def put(self, event: Event, seconds: float) -> None:
        """Queue an event of that time, or drop and count it if the queue is full; never waits."""
        self._queue.add(Notification(event, seconds, self._clock()))

    async def close(self, timeout: float) -> None:  # noqa: ASYNC109
        """Send the queued events in one more attempt, for ``timeout`` seconds at most; log how many stay unsent."""
        await self._queue.close(timeout)

    async def _send_all(self) -> str:
        """Send the queued events in groups; return why they have to be sent again, or nothing."""
        items = self._queue.items
        try:
            async with self._transport() as send:
                while items:
                    group = list(islice(items, MAX_GROUP))
                    refusal = await send(list(self._fields(group)))
                    for _ in group:
                        items.popleft()
                    self._report(refusal, len(group))
                    await asyncio.sleep(0)  # a group takes 2 ms; the loop gets a turn before the next one
        except NotificationNotSentError as error:
            return str(error)
        return ""

    def _fields(self, group: Iterable[Notification]) -> Iterator[Fields]:
        for each in group:
            try:
                yield {"host": self._host, **event_fields(each.event, each.seconds)}
            except Exception:  # a bug of ours must not keep back the others
                logger.exception("A notification to %s cannot be written", self._name)

    def _report(self, refusal: str, count: int) -> None:
        if not refusal:
            self._queue.report_sent()
            lost = self._refusal.losses
            if self._refusal.clear():
                logger.warning("Notifications to %s are taken again; %d were lost", self._name, lost)
            return
        self._refused += count
        if self._refusal.record(refusal, count):
            logger.warning("Notifications to %s are lost: %s", self._name, refusal)

    def _is_too_old(self, each: Notification) -> bool:
        return self._clock() - each.queued_at > MAX_AGE
