"""Where letters go: to the outbox of their mail server, or of sendmail."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from functools import partial
from getpass import getuser

from ldirectord_py.report.mail.message import Alert, Host, MailMessage
from ldirectord_py.report.mail.queue import MailQueue
from ldirectord_py.report.mail.sendmail import sendmail_transport
from ldirectord_py.report.mail.transport import Lookup, Transport


def this_host() -> Host:
    """Return the host that mails come from."""
    try:
        user = getuser()
    except (KeyError, OSError):  # a user without a name
        user = "ldirectord"
    return Host(socket.gethostname(), user)


def transport_for(server: str | None, lookup: Lookup) -> Transport:
    """Return the way over a server as ``smtp`` has it, or over sendmail."""
    if server is None:
        return sendmail_transport
    from ldirectord_py.report.mail.smtp import smtp_transport  # noqa: PLC0415  only where mail is sent

    return partial(smtp_transport, server, lookup)


class MailDispatcher:
    """Sends letters; its state: an outbox for each mail server that had a letter yet."""

    def __init__(self, lookup: Lookup) -> None:
        self._lookup = lookup
        self._queues: dict[str | None, MailQueue] = {}

    def __call__(self, letter: MailMessage, holds: Callable[[Alert], bool]) -> None:
        """Send a letter soon, but for those of its alerts that do not hold any more; never waits."""
        server = letter.route.server
        if server not in self._queues:
            self._queues[server] = MailQueue(server or "sendmail", transport_for(server, self._lookup), holds)
        self._queues[server].put(letter)

    async def close(self, seconds: float) -> None:
        """Send what waits, for so long at most."""
        await asyncio.gather(*(outbox.close(seconds) for outbox in self._queues.values()))
