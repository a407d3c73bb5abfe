"""Passes each message to the queue of its mail server, or of sendmail."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from functools import partial
from getpass import getuser

from ldirectord_py.report.lost import lost_by
from ldirectord_py.report.mail.message import Alert, Host, MailMessage
from ldirectord_py.report.mail.queue import MailQueue
from ldirectord_py.report.mail.sendmail import sendmail_transport
from ldirectord_py.report.mail.transport import Resolve, Transport


def this_host() -> Host:
    """Return the host that mails are sent from."""
    try:
        user = getuser()
    except (KeyError, OSError):  # the user has no name
        user = "ldirectord"
    return Host(socket.gethostname(), user)


def transport_for(server: str | None, resolve: Resolve) -> Transport:
    """Return the transport for a value of ``smtp``; None: sendmail."""
    if server is None:
        return sendmail_transport
    from ldirectord_py.report.mail.smtp import smtp_transport  # noqa: PLC0415  only where mail is sent

    return partial(smtp_transport, server, resolve)


class MailDispatcher:
    """Queues messages; its state: a queue for each mail server that was sent one."""

    def __init__(self, resolve: Resolve) -> None:
        self._resolve = resolve
        self._queues: dict[str | None, MailQueue] = {}

    def __call__(self, message: MailMessage, is_current: Callable[[Alert], bool]) -> None:
        """Queue a message, which is sent without the alerts that are not current by then; never waits."""
        server = message.route.server
        if server not in self._queues:
            self._queues[server] = MailQueue(server or "sendmail", transport_for(server, self._resolve), is_current)
        self._queues[server].put(message)

    @property
    def lost(self) -> int:
        """How many messages were lost."""
        return lost_by(self._queues.values())

    async def close(self, timeout: float) -> None:  # noqa: ASYNC109
        """Send the queued messages, for ``timeout`` seconds at most."""
        await asyncio.gather(*(queue.close(timeout) for queue in self._queues.values()))
