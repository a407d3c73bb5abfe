"""The mails that wait for one server: bounded, sent again after a failure, never delaying a check."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from ldirectord_py.report.mail.message import Alert, MailMessage
from ldirectord_py.report.mail.transport import MailNotSentError, Send, Transport
from ldirectord_py.runtime.retry_queue import QueueLimits, QueueTexts, RetryQueue

logger = logging.getLogger(__name__)

MAX_QUEUED: Final = 1000
"""Messages in a queue; all further ones are lost."""

MIN_RETRY_DELAY = 5.0
MAX_RETRY_DELAY = 60.0
"""Seconds between two attempts; doubled as long as they fail."""

MAX_AGE: Final = 4 * 3600.0
"""Seconds after which a message is not sent again."""

_TEXTS = QueueTexts(
    failing="failed to send email message over %s: %s; it is tried again",
    crashed="Sending mail over %s failed",
    works_again="Mail goes out over %s again",
    losing="Mails over %s get lost: too many wait, or for too long",
    lost="%d mails over %s were lost",
    unsent="%d mails were not sent over %s",
)


class MailQueue:
    """Sends messages one after the other. ``is_current`` returns whether an alert is still true.

    Its state: the queue, and how often a recipient was refused for good.
    """

    def __init__(
        self,
        name: str,
        transport: Transport,
        is_current: Callable[[Alert], bool],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._transport = transport
        self._is_current = is_current
        self._clock = clock
        self._refused = 0
        limits = QueueLimits(MAX_QUEUED, MIN_RETRY_DELAY, MAX_RETRY_DELAY)
        self._queue = RetryQueue[MailMessage](name, _TEXTS, self._send_all, self._is_too_old, limits)

    @property
    def lost(self) -> int:
        """How many messages were lost, or refused by a recipient for good."""
        return self._queue.lost_in_all + self._refused

    def put(self, message: MailMessage) -> None:
        """Queue a message, merged with a queued one if they fit; drop it if the queue is full."""
        if not self._merge(message):
            self._queue.add(message)

    def _merge(self, message: MailMessage) -> bool:
        """Merge the message with the last queued one that it fits; never with the first, which may be being sent."""
        messages = self._queue.items
        for index in range(len(messages) - 1, 0, -1):
            if merged := messages[index].merge(message):
                messages[index] = merged
                return True
        return False

    async def close(self, timeout: float) -> None:  # noqa: ASYNC109
        """Send the queued mails in one more attempt, for ``timeout`` seconds at most; log how many stay unsent."""
        await self._queue.close(timeout)

    async def _send_all(self) -> str:
        """Try each message once, in one session; return why some have to be sent again, or nothing."""
        failure = ""
        try:
            async with self._transport() as send:
                for _ in range(len(self._queue.items)):
                    failure = await self._send_first(send) or failure
        except MailNotSentError as error:
            return str(error)
        return failure

    async def _send_first(self, send: Send) -> str:
        """Send the first message, which stays queued until its result is known."""
        messages = self._queue.items
        message = messages[0]
        current = replace(message, alerts=tuple(filter(self._is_current, message.alerts)))
        try:
            refused = await send(current) if current.alerts and current.recipients else {}
        except Exception:
            messages.rotate(-1)  # this message may be the cause: the others go first in the next attempt
            raise
        messages.popleft()
        if current.alerts and len(refused) < len(current.recipients):
            self._queue.report_sent()
        again = [address for address, refusal in refused.items() if not refusal.final]
        for address, refusal in refused.items():
            if refusal.final:
                self._refused += 1
                logger.warning('Mail "%s" to %s was refused: %s', current.subject, address, refusal.reason)
        if again and self._is_too_old(message):
            self._queue.count_lost()
        elif again:
            messages.append(replace(message, recipients=tuple(again)))
        return refused[again[0]].reason if again else ""

    def _is_too_old(self, message: MailMessage) -> bool:
        return self._clock() - message.queued_at > MAX_AGE
