"""Which events become notifications, and who gets them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from ldirectord_py.checks.driver import load_driver
from ldirectord_py.config.model import Config, Globals, Virtual
from ldirectord_py.config.notifications import url_origin
from ldirectord_py.report.event_fields import MINOR, event_name, virtual_of
from ldirectord_py.report.events import ConfigInForce, Event
from ldirectord_py.report.lost import lost_by
from ldirectord_py.report.mail.transport import Resolve
from ldirectord_py.report.notifications.command import command_transport
from ldirectord_py.report.notifications.queue import NotificationQueue
from ldirectord_py.report.notifications.transport import NotificationNotSentError, NotificationTransport, SendGroup

WEBHOOK_MODULE: Final = "ldirectord_py.report.notifications.webhook"


@dataclass(frozen=True, slots=True)
class Recipient:
    """A command, or the URL of a webhook, which may hold a password; ``secret_file`` is for its signatures."""

    value: str = field(repr=False)
    is_url: bool
    secret_file: str = ""

    @property
    def name(self) -> str:
        """Return what the log may call it."""
        return url_origin(self.value) if self.is_url else self.value


Recipients = tuple[Recipient, ...]


class Notifications:
    """A Listener: queues events for the command and the webhook of their virtual, or else of the daemon.

    Its state: the recipients of the configuration in force, those of the daemon and those of virtuals that differ from
    them, the queue of each recipient that was sent something, and how many events those queues lost that are gone.
    """

    def __init__(self, config: Config, host: str, resolve: Resolve) -> None:
        self._host = host
        self._resolve = resolve
        self._global: Recipients = ()
        self._by_virtual: dict[str, Recipients] = {}
        self._queues: dict[Recipient, NotificationQueue] = {}
        self._lost = 0
        self._switch_config(config)

    def __call__(self, event: Event) -> None:
        """Queue an event for its recipients, if it is one to notify of; never waits."""
        if isinstance(event, ConfigInForce):
            self._switch_config(event.config)
        if (self._global or self._by_virtual) and event_name(event) not in MINOR:
            for recipient in self._by_virtual.get(virtual_of(event) or "", self._global):
                self._queue_of(recipient).put(event, time.time())

    @property
    def lost(self) -> int:
        """How many events were lost."""
        return self._lost + lost_by(self._queues.values())

    async def close(self, timeout: float) -> None:  # noqa: ASYNC109
        """Send the queued events, for ``timeout`` seconds at most."""
        await asyncio.gather(*(queue.close(timeout) for queue in self._queues.values()))

    def _switch_config(self, config: Config) -> None:
        self._global = recipients(config.settings)
        self._by_virtual = {
            virtual.id: own for virtual in config.virtuals if (own := recipients(virtual)) != self._global
        }
        used = {*self._global, *(each for own in self._by_virtual.values() for each in own)}
        for recipient in [each for each, queue in self._queues.items() if each not in used and queue.is_idle]:
            self._lost += self._queues.pop(recipient).lost

    def _queue_of(self, recipient: Recipient) -> NotificationQueue:
        if recipient not in self._queues:
            self._queues[recipient] = NotificationQueue(recipient.name, self._transport(recipient), self._host)
        return self._queues[recipient]

    def _transport(self, recipient: Recipient) -> NotificationTransport:
        if recipient.is_url:
            return partial(_webhook_transport, recipient, self._resolve)
        return partial(command_transport, recipient.value)


def recipients(settings: Globals | Virtual) -> Recipients:
    """Return who is notified of the events of the daemon, or of a virtual."""
    command = Recipient(settings.notify or "", is_url=False)
    webhook = Recipient(settings.notifyurl or "", is_url=True, secret_file=settings.notifysecretfile or "")
    return tuple(each for each in (command, webhook) if each.value)


@asynccontextmanager
async def _webhook_transport(recipient: Recipient, resolve: Resolve) -> AsyncIterator[SendGroup]:
    """Import the HTTP client in a thread, and open a session of it."""
    try:
        webhook = await load_driver(WEBHOOK_MODULE)
    except ImportError as error:
        raise NotificationNotSentError(f"aiohttp cannot be imported: {error}") from None
    async with webhook.webhook_transport(recipient.value, resolve, recipient.secret_file) as send:
        yield send
