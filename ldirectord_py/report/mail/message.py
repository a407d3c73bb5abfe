"""The text of mails: an Alert is one change, a MailMessage has one or several alerts.

The package email takes 12 ms to import, so it is imported only where mails are sent.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from ldirectord_py.config.model import AlertStatus, Virtual
from ldirectord_py.ipvs.table import DestinationKey
from ldirectord_py.runtime.text import escape_surrogates

UNFOLDED_LENGTH = 998
"""Some mail readers cannot read a long subject that is folded right after its name."""

MAX_TEXT_LENGTH = 1000
MAX_ALERTS = 1000
"""Alerts in one mail."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


@dataclass(frozen=True, slots=True)
class Alert:
    """A change to mail. ``down``: the server that it reports as down; it is not sent once that server is up."""

    text: str
    status: AlertStatus
    reason: str = ""
    servicename: str = ""
    comment: str = ""
    down: DestinationKey | None = None

    @property
    def subject(self) -> str:
        """Return the text, after the name of its service if there is one."""
        return f"[{self.servicename}] {self.text}" if self.servicename else self.text

    def with_details_of(self, virtual: Virtual) -> Alert:
        """Return the alert with the ``servicename`` and ``comment`` of the virtual."""
        return replace(
            self,
            reason=single_line(self.reason),
            servicename=single_line(virtual.servicename or ""),
            comment=single_line(virtual.comment or ""),
        )


class Route(NamedTuple):
    """The server of a mail (None: sendmail), its sender (None: the user of this daemon) and its recipients."""

    server: str | None
    sender: str | None
    recipients: str


class Host(NamedTuple):
    """The name of this host, and the user that the daemon runs as."""

    name: str
    user: str

    @property
    def mail_address(self) -> str:
        """Return the address of the user on this host."""
        return f"{self.user}@{self.name}"


@dataclass(frozen=True, slots=True)
class MailMessage:
    """A mail to send to ``recipients``, which are those that did not get it yet.

    ``date`` is in seconds since the epoch, ``queued_at`` in seconds of the monotonic clock. ``standalone``: never
    merged with others.
    """

    alerts: tuple[Alert, ...]
    route: Route
    recipients: tuple[str, ...]
    host: Host
    id: str
    date: float
    queued_at: float
    standalone: bool = True

    @property
    def subject(self) -> str:
        """Return the subject of the only alert, or the number of alerts and the subject of the first one."""
        first = self.alerts[0].subject
        return first if len(self.alerts) == 1 else f"{len(self.alerts)} alerts: {first}"

    def merge(self, other: MailMessage) -> MailMessage | None:
        """Return one message for both, or None if they differ in route or recipients, or if it would be too long.

        It gets the id and the age of the other: this one may have been sent before without an answer, and some servers
        drop a message whose id they know; and the newest alert must not expire with the oldest.
        """
        separate = (
            self.standalone or other.standalone or (self.route, self.recipients) != (other.route, other.recipients)
        )
        if separate or len(self.alerts) + len(other.alerts) > MAX_ALERTS:
            return None
        return replace(self, alerts=self.alerts + other.alerts, id=other.id, queued_at=other.queued_at)

    @property
    def envelope_sender(self) -> str:
        """Return the address that replies and bounces go to."""
        from email.utils import parseaddr  # noqa: PLC0415

        return parseaddr(self.route.sender or "")[1] or self.host.mail_address

    def encode(self) -> bytes:
        """Return the mail in the format of RFC 5322, in ASCII, with CR LF; raises ValueError for an invalid address."""
        from email.message import EmailMessage  # noqa: PLC0415
        from email.policy import SMTP  # noqa: PLC0415
        from email.utils import formatdate  # noqa: PLC0415

        policy = SMTP.clone(cte_type="7bit")
        message = EmailMessage(policy=policy)
        message["Date"] = formatdate(self.date, localtime=True)
        message["Message-ID"] = self.id
        message["From"] = _address_header(_CONTROL.sub(" ", self.route.sender or "")) or self.host.mail_address
        message["To"] = _address_header(self.route.recipients)
        message["Subject"] = self.subject
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(self._body())
        return message.as_bytes(policy=policy.clone(max_line_length=UNFOLDED_LENGTH))

    def _body(self) -> str:
        separator = "\n" if len(self.alerts) == 1 else "\n\n"
        return f"ldirectord host: {self.host.name}{separator}" + "\n".join(map(_block, self.alerts))


def compose(
    alerts: Sequence[Alert], route: Route, host: Host, *, date: float, queued_at: float, standalone: bool = True
) -> MailMessage:
    """Return a new message to all recipients of the route."""
    from email.utils import getaddresses, make_msgid  # noqa: PLC0415

    recipients = tuple(address for _, address in getaddresses([route.recipients]) if address)
    return MailMessage(
        tuple(alerts), route, recipients, host, make_msgid(domain=host.name), date, queued_at, standalone
    )


def single_line(text: str) -> str:
    """Return the text on one line, without control characters and lone surrogates, cut at MAX_TEXT_LENGTH."""
    return escape_surrogates(_CONTROL.sub(" ", text)).strip()[:MAX_TEXT_LENGTH]


def _address_header(text: str) -> str:
    """Return addresses for a header, with bytes that are not UTF-8 escaped in names."""
    from email.utils import formataddr, getaddresses  # noqa: PLC0415

    return ", ".join(formataddr((escape_surrogates(name), address)) for name, address in getaddresses([text]))


def _block(alert: Alert) -> str:
    head = f"Log-Message: {alert.subject}\nDaemon-Status: {alert.status}\n"
    head += f"Reason: {alert.reason}\n" if alert.reason else ""
    details = f"Service name: {alert.servicename}\n" if alert.servicename else ""
    details += f"Comment: {alert.comment}\n" if alert.comment else ""
    return f"{head}\n{details}" if details else head
