"""What the mails say: an alert is one change, a letter one mail of one alert or several."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formataddr, formatdate, getaddresses, make_msgid, parseaddr

from ldirectord_py.config.model import AlertStatus, Virtual
from ldirectord_py.ipvs.table import DestinationKey
from ldirectord_py.runtime.text import escape_surrogates

POLICY = SMTP.clone(cte_type="7bit")
UNFOLDED = POLICY.clone(max_line_length=998)  # a long subject folded right behind its name puzzles some readers
MAX_TEXT_LENGTH = 1000
MAX_ALERTS = 1000
"""Alerts in one mail at most."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


@dataclass(frozen=True, slots=True)
class Alert:
    """A change as a mail tells it; of a server that has to be ``down`` still for it to be worth one, or None."""

    text: str
    status: AlertStatus
    reason: str = ""
    servicename: str = ""
    comment: str = ""
    down: DestinationKey | None = None

    @property
    def subject(self) -> str:
        """Return the text behind the name of its service."""
        return f"[{self.servicename}] {self.text}" if self.servicename else self.text

    def with_details_of(self, virtual: Virtual) -> Alert:
        """Return the alert with what the virtual says about itself."""
        return replace(
            self,
            reason=single_line(self.reason),
            servicename=single_line(virtual.servicename or ""),
            comment=single_line(virtual.comment or ""),
        )


@dataclass(frozen=True, slots=True)
class Route:
    """The way of a mail: over which server (None: sendmail), from whom (None: this daemon's user), to whom."""

    server: str | None
    sender: str | None
    recipients: str


@dataclass(frozen=True, slots=True)
class Host:
    """The name of this host, and the user that the daemon runs as."""

    name: str
    user: str

    @property
    def mail_address(self) -> str:
        """Return the address of the user on this host."""
        return f"{self.user}@{self.name}"


@dataclass(frozen=True, slots=True)
class MailMessage:
    """A mail under way: its alerts, whom it has yet to reach, and when it was written (epoch, monotonic: seconds).

    ``alone``: it must not be joined with others.
    """

    alerts: tuple[Alert, ...]
    route: Route
    recipients: tuple[str, ...]
    host: Host
    id: str
    dated: float
    queued_at: float
    standalone: bool = True

    @property
    def subject(self) -> str:
        """Return the subject of the only alert, or how many there are and the first one's."""
        first = self.alerts[0].subject
        return first if len(self.alerts) == 1 else f"{len(self.alerts)} alerts: {first}"

    def merge(self, other: MailMessage) -> MailMessage | None:
        """Return one mail for both, or None if they differ in route or recipients, or it would be too long.

        This one may have been sent before, without an answer. The id and the age are the other's: some servers drop an
        id that they have had, and the newest alert must not be given up with the oldest.
        """
        apart = self.standalone or other.standalone or (self.route, self.recipients) != (other.route, other.recipients)
        if apart or len(self.alerts) + len(other.alerts) > MAX_ALERTS:
            return None
        return replace(self, alerts=self.alerts + other.alerts, id=other.id, queued_at=other.queued_at)

    @property
    def envelope_sender(self) -> str:
        """Return the address that answers and refusals go to."""
        return parseaddr(self.route.sender or "")[1] or self.host.mail_address

    def encode(self) -> bytes:
        """Return the mail as RFC 5322 has it, in ASCII, with CR LF; raises ValueError where an address is none."""
        message = EmailMessage(policy=POLICY)
        message["Date"] = formatdate(self.dated, localtime=True)
        message["Message-ID"] = self.id
        message["From"] = _address_header(_CONTROL.sub(" ", self.route.sender or "")) or self.host.mail_address
        message["To"] = _address_header(self.route.recipients)
        message["Subject"] = self.subject
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(self._body())
        return message.as_bytes(policy=UNFOLDED)

    def _body(self) -> str:
        apart = "\n" if len(self.alerts) == 1 else "\n\n"
        return f"ldirectord host: {self.host.name}{apart}" + "\n".join(map(_block, self.alerts))


def compose(
    alerts: Sequence[Alert], route: Route, host: Host, *, written: float, began: float, alone: bool = True
) -> MailMessage:
    """Return a new letter to all whom the route names."""
    recipients = tuple(address for _, address in getaddresses([route.recipients]) if address)
    return MailMessage(tuple(alerts), route, recipients, host, make_msgid(domain=host.name), written, began, alone)


def single_line(text: str) -> str:
    """Return the text on one line, without control characters or lone surrogates, and not endless."""
    return escape_surrogates(_CONTROL.sub(" ", text)).strip()[:MAX_TEXT_LENGTH]


def _address_header(text: str) -> str:
    """Return addresses as a header has them, bytes that are not UTF-8 in names escaped."""
    return ", ".join(formataddr((escape_surrogates(name), address)) for name, address in getaddresses([text]))


def _block(alert: Alert) -> str:
    head = f"Log-Message: {alert.subject}\nDaemon-Status: {alert.status}\n"
    head += f"Reason: {alert.reason}\n" if alert.reason else ""
    details = f"Service name: {alert.servicename}\n" if alert.servicename else ""
    details += f"Comment: {alert.comment}\n" if alert.comment else ""
    return f"{head}\n{details}" if details else head
