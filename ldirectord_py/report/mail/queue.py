"""The mails that wait for one server: bounded, sent again after a failure, never delaying a check."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Final

from ldirectord_py.report.mail.message import Alert, MailMessage
from ldirectord_py.report.mail.transport import MailNotSentError, Send, Transport
from ldirectord_py.runtime.backoff import Backoff

logger = logging.getLogger(__name__)

MAX_QUEUED: Final = 1000
"""Messages in a queue; all further ones are lost."""

MIN_RETRY_DELAY = 5.0
MAX_RETRY_DELAY = 60.0
"""Seconds between two attempts; doubled as long as they fail."""

MAX_AGE: Final = 4 * 3600.0
"""Seconds after which a message is not sent again."""


class MailQueue:
    """Sends messages one after the other, in a task that runs while any are queued.

    Its state: the queued messages, the delay before the next attempt, how many messages were lost, and whether
    a failure was reported. ``is_current`` returns whether an alert is still true.
    """

    def __init__(
        self,
        name: str,
        transport: Transport,
        is_current: Callable[[Alert], bool],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._name = name
        self._transport = transport
        self._is_current = is_current
        self._clock = clock
        self._messages: deque[MailMessage] = deque()
        self._lost = 0
        self._backoff = Backoff(MIN_RETRY_DELAY, MAX_RETRY_DELAY)
        self._delay = 0.0
        self._is_failing = False
        self._closing = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def put(self, message: MailMessage) -> None:
        """Queue a message, merged with a queued one if they fit; drop it if the queue is full."""
        if self._merge(message):
            return
        if len(self._messages) >= MAX_QUEUED:
            self._count_lost()
            return
        self._messages.append(message)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())

    def _merge(self, message: MailMessage) -> bool:
        """Merge the message with the last queued one that it fits; never with the first, which may be being sent."""
        for index in range(len(self._messages) - 1, 0, -1):
            if merged := self._messages[index].merge(message):
                self._messages[index] = merged
                return True
        return False

    async def close(self, timeout: float) -> None:  # noqa: ASYNC109
        """Send the queued mails in one more attempt, for ``timeout`` seconds at most; log how many stay unsent."""
        self._closing.set()
        if self._task is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(timeout):
                    await self._task
        if unsent := self._lost + len(self._messages):
            logger.warning("%d mails were not sent over %s", unsent, self._name)
        self._messages.clear()
        self._lost = 0

    async def _run(self) -> None:
        """Send until the queue is empty, or once more after ``close``."""
        while self._messages:
            if self._delay:
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._delay):
                        await self._closing.wait()
            is_last = self._closing.is_set()
            try:
                failure = await self._send_all()
            except (MailNotSentError, OSError) as error:  # OSError: this host is out of descriptors
                failure = str(error)
            except Exception as error:  # a bug of ours must not end the mails for good
                logger.exception("Sending mail over %s failed", self._name)
                failure = str(error) or type(error).__name__
            if failure:
                self._retry_later(failure)
            else:
                self._delay = 0.0
            if is_last:
                return

    def _retry_later(self, failure: str) -> None:
        if not self._is_failing:
            logger.warning("failed to send email message over %s: %s; it is tried again", self._name, failure)
        self._is_failing = True
        self._delay = self._backoff.next_delay()
        while self._messages and self._is_too_old(self._messages[0]):
            self._messages.popleft()
            self._count_lost()

    async def _send_all(self) -> str:
        """Try each message once, in one session; return why some have to be sent again, or nothing."""
        failure = ""
        async with self._transport() as send:
            for _ in range(len(self._messages)):
                failure = await self._send_first(send) or failure
        return failure

    async def _send_first(self, send: Send) -> str:
        """Send the first message, which stays queued until its result is known."""
        message = self._messages[0]
        current = replace(message, alerts=tuple(filter(self._is_current, message.alerts)))
        try:
            refused = await send(current) if current.alerts and current.recipients else {}
        except Exception:
            self._messages.rotate(-1)  # this message may be the cause: the others go first in the next attempt
            raise
        self._messages.popleft()
        if current.alerts and len(refused) < len(current.recipients):
            self._report_sent()
        again = [address for address, refusal in refused.items() if not refusal.final]
        for address, refusal in refused.items():
            if refusal.final:
                logger.warning('Mail "%s" to %s was refused: %s', current.subject, address, refusal.reason)
        if again and self._is_too_old(message):
            self._count_lost()
        elif again:
            self._messages.append(replace(message, recipients=tuple(again)))
        return refused[again[0]].reason if again else ""

    def _is_too_old(self, message: MailMessage) -> bool:
        return self._clock() - message.queued_at > MAX_AGE

    def _report_sent(self) -> None:
        if self._is_failing:
            logger.info("Mail goes out over %s again", self._name)
        if self._lost:
            logger.warning("%d mails over %s were lost", self._lost, self._name)
        self._is_failing, self._lost = False, 0
        self._backoff.reset()

    def _count_lost(self) -> None:
        if not self._lost:
            logger.warning("Mails over %s get lost: too many wait, or for too long", self._name)
        self._lost += 1
