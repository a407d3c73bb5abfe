"""Where letters go: to the outbox of their mail server, or of sendmail."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from functools import partial
from getpass import getuser

from ldirectord_py.report.mail.message import Alert, Host, Letter
from ldirectord_py.report.mail.queue import Outbox
from ldirectord_py.report.mail.sendmail import over_sendmail
from ldirectord_py.report.mail.transport import Carrier, Lookup


def this_host() -> Host:
    """Return the host that mails come from."""
    try:
        user = getuser()
    except (KeyError, OSError):  # a user without a name
        user = "ldirectord"
    return Host(socket.gethostname(), user)


def carrier(server: str | None, lookup: Lookup) -> Carrier:
    """Return the way over a server as ``smtp`` has it, or over sendmail."""
    if server is None:
        return over_sendmail
    from ldirectord_py.report.mail.smtp import over_smtp  # noqa: PLC0415  only where mail is sent

    return partial(over_smtp, server, lookup)


class Post:
    """Sends letters; its state: an outbox for each mail server that had a letter yet."""

    def __init__(self, lookup: Lookup) -> None:
        self._lookup = lookup
        self._outboxes: dict[str | None, Outbox] = {}

    def __call__(self, letter: Letter, holds: Callable[[Alert], bool]) -> None:
        """Send a letter soon, but for those of its alerts that do not hold any more; never waits."""
        server = letter.route.server
        if server not in self._outboxes:
            self._outboxes[server] = Outbox(server or "sendmail", carrier(server, self._lookup), holds)
        self._outboxes[server].put(letter)

    async def close(self, seconds: float) -> None:
        """Send what waits, for so long at most."""
        await asyncio.gather(*(outbox.close(seconds) for outbox in self._outboxes.values()))
