"""Letters that wait for one mail server: bounded, tried again, told once; never in the way of a check."""

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

logger = logging.getLogger(__name__)

MAX_QUEUED: Final = 1000
RETRY_AFTER = 5.0
RETRY_AFTER_AT_MOST = 60.0
MAX_AGE: Final = 4 * 3600.0
"""Seconds between two tries, at first and in the end, and after which a letter is given up."""


class MailQueue:
    """Sends letters one after the other; its state: those waiting, lost ones, the pause, whether trouble was told.

    A task sends while there are letters. ``holds`` tells whether an alert is still true.
    """

    def __init__(
        self,
        name: str,
        carrier: Transport,
        holds: Callable[[Alert], bool],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._name = name
        self._transport = carrier
        self._is_current = holds
        self._clock = clock
        self._messages: deque[MailMessage] = deque()
        self._lost = 0
        self._pause = 0.0
        self._troubled = False
        self._closing = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def put(self, letter: MailMessage) -> None:
        """Send the letter soon, together with one that waits behind others; drop it where too many are waiting."""
        if self._merge(letter):
            return
        if len(self._messages) >= MAX_QUEUED:
            self._drop()
            return
        self._messages.append(letter)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())

    def _merge(self, letter: MailMessage) -> bool:
        """Join the letter to the last waiting one that it fits; never to the first, which may be on its way."""
        for at in range(len(self._messages) - 1, 0, -1):
            if both := self._messages[at].merge(letter):
                self._messages[at] = both
                return True
        return False

    async def close(self, seconds: float) -> None:
        """Try what waits once more, for so long at most; tell what stays unsent."""
        self._closing.set()
        if self._task is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._task
        if unsent := self._lost + len(self._messages):
            logger.warning("%d mails were not sent over %s", unsent, self._name)
        self._messages.clear()
        self._lost = 0

    async def _run(self) -> None:
        """Send until nothing waits, or once more after ``close``."""
        while self._messages:
            if self._pause:
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._pause):
                        await self._closing.wait()
            last = self._closing.is_set()
            try:
                deferred = await self._send_all()
            except (MailNotSentError, OSError) as error:  # OSError: this host has no descriptor to spare
                deferred = str(error)
            except Exception as error:  # a fault of ours must not end the mails for good
                logger.exception("Sending mail over %s failed", self._name)
                deferred = str(error) or type(error).__name__
            self._wait_for(deferred)
            if last:
                return

    def _wait_for(self, deferred: str) -> None:
        """Set the pause to the next round: none, or ever longer while mails stay undelivered."""
        if not deferred:
            self._pause = 0.0
            return
        if not self._troubled:
            logger.warning("failed to send email message over %s: %s; it is tried again", self._name, deferred)
        self._troubled = True
        self._pause = min(max(2 * self._pause, RETRY_AFTER), RETRY_AFTER_AT_MOST)
        while self._messages and self._is_old(self._messages[0]):
            self._messages.popleft()
            self._drop()

    async def _send_all(self) -> str:
        """Try each letter once in one session; return why some are to be tried again, nothing if none are."""
        deferred = ""
        async with self._transport() as send:
            for _ in range(len(self._messages)):
                deferred = await self._send(send, self._messages[0]) or deferred
        return deferred

    async def _send(self, send: Send, letter: MailMessage) -> str:
        """Send the first letter that waits, which stays there until it is known what became of it."""
        current = replace(letter, alerts=tuple(filter(self._is_current, letter.alerts)))
        try:
            refused = await send(current) if current.alerts and current.recipients else {}
        except Exception:
            self._messages.rotate(-1)  # it may be this letter's fault: others go before it next time
            raise
        self._messages.popleft()
        if current.alerts and len(refused) < len(current.recipients):
            self._sent()
        again = [address for address, refusal in refused.items() if not refusal.final]
        for address, refusal in refused.items():
            if refusal.final:
                logger.warning('Mail "%s" to %s was refused: %s', current.subject, address, refusal.reason)
        if again and self._is_old(letter):
            self._drop()
        elif again:
            self._messages.append(replace(letter, recipients=tuple(again)))
        return refused[again[0]].reason if again else ""

    def _is_old(self, letter: MailMessage) -> bool:
        return self._clock() - letter.queued_at > MAX_AGE

    def _sent(self) -> None:
        if self._troubled:
            logger.info("Mail goes out over %s again", self._name)
        if self._lost:
            logger.warning("%d mails over %s were lost", self._lost, self._name)
        self._troubled, self._lost, self._pause = False, 0, 0.0

    def _drop(self) -> None:
        if not self._lost:
            logger.warning("Mails over %s get lost: too many wait, or for too long", self._name)
        self._lost += 1
