"""``emailalert``: which events become mails, in groups, and repeated while a server is down.

::

    Checked --> reminders ---------------------.
    Written --> alert -- emailalertgroup --> letter -- outbox of its mail server --> SMTP or sendmail
    clock ----> reminders, groups that end ----'
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, NoReturn

from ldirectord_py.address import endpoint
from ldirectord_py.config.model import AlertStatus, Config, Virtual
from ldirectord_py.desired import row_key
from ldirectord_py.ipvs.diff import Verb
from ldirectord_py.ipvs.table import Destination, DestinationKey
from ldirectord_py.report.events import Checked, ConfigInForce, Event, Phase, Role, Written
from ldirectord_py.report.mail.message import MAX_ALERTS, Alert, Host, MailMessage, Route, compose
from ldirectord_py.report.wording import line, virtual_name

logger = logging.getLogger(__name__)

TICK: Final = 0.5
"""Seconds between two looks at the clock."""

Post = Callable[[MailMessage, Callable[[Alert], bool]], None]
"""Sends a letter; is told what finds out whether an alert is still true."""

_STATUS = {
    Phase.START: AlertStatus.STARTING,
    Phase.RELOAD: AlertStatus.RELOADING,
    Phase.STOP: AlertStatus.STOPPING,
}


@dataclass(slots=True)
class Group:
    """Alerts for one route that go out together at ``ends``, in seconds of the clock."""

    ends: float
    alerts: list[Alert] = field(default_factory=list)


@dataclass(slots=True)
class Reminder:
    """A real server of ``virtual`` is down; ``since``, in seconds of the clock, it was not mailed again."""

    virtual: Virtual
    since: float


class MailAlerts:
    """Listens for changes and hands letters to ``post``.

    Its state: the reminders to come, by the kernel's key of the server that is down, and the groups that are open.
    """

    def __init__(self, config: Config, host: Host, post: Post, clock: Callable[[], float] = time.monotonic) -> None:
        self._host = host
        self._post = post
        self._clock = clock
        self._sender = config.settings.emailalertfrom
        self._reminders: dict[DestinationKey, Reminder] = {}
        self._groups: dict[Route, Group] = {}

    def __call__(self, event: Event) -> None:
        """Take an event; never waits."""
        if isinstance(event, Checked):
            self._checked(event)
        elif isinstance(event, Written) and isinstance(event.op.row, Destination):
            self._written(event, event.op.row)
        elif isinstance(event, ConfigInForce):
            self._switch_config(event.config)

    def holds(self, alert: Alert) -> bool:
        """Tell whether an alert about a server that is down is still true."""
        return alert.down is None or alert.down in self._reminders

    async def run(self) -> NoReturn:
        """Remind, and end groups, for ever."""
        while True:
            await asyncio.sleep(TICK)
            try:
                self.tick()
            except Exception:  # a fault of ours must not end the daemon
                logger.exception("Reminding by mail failed")

    def tick(self) -> None:
        """Remind of servers that have been down for so long, and send the groups whose time is over."""
        now = self._clock()
        for key, reminder in self._reminders.items():
            if 0 < reminder.virtual.emailalertfreq <= now - reminder.since:
                reminder.since = now
                self._alert(reminder.virtual, Alert(_inaccessible(key), AlertStatus.RUNNING, down=key))
        self._send(now)

    def flush(self) -> None:
        """Send all groups now."""
        self._send(float("inf"))

    def _switch_config(self, config: Config) -> None:
        """Drop the reminders of servers that are not in the configuration."""
        self._sender = config.settings.emailalertfrom
        services = {key.service for key in self._reminders}
        virtuals = [virtual for virtual in config.virtuals if virtual.key in services]
        servers = {row_key(virtual, real): virtual for virtual in virtuals for real in virtual.reals}
        self._reminders = {
            key: Reminder(servers[key], reminder.since) for key, reminder in self._reminders.items() if key in servers
        }

    def _checked(self, event: Checked) -> None:
        step, key = event.transition, row_key(event.virtual, event.real)
        if step.rose:
            self._reminders.pop(key, None)
        elif step.fell:
            self._reminders[key] = Reminder(event.virtual, self._clock())
        elif step.first_failure and key not in self._reminders:
            self._reminders[key] = Reminder(
                event.virtual, self._clock()
            )  # it never entered the table, so that no write tells
            self._alert(event.virtual, Alert(_inaccessible(key), _status(event), event.reason, down=key))

    def _written(self, event: Written, row: Destination) -> None:
        up = event.op.verb is not Verb.DELETE and row.weight > 0
        if event.role is Role.REAL and up:
            self._reminders.pop(row.key, None)
        virtual = event.virtual
        placeholder = event.op.verb is Verb.ADD and not up  # a quiescent server that waits for its first success
        if virtual is None or placeholder or (event.role is Role.FALLBACK and event.phase is Phase.STOP):
            return
        reason = event.cause.reason if event.cause and event.role is Role.REAL else ""
        self._alert(virtual, Alert(line(event) or "", _status(event), reason))

    def _alert(self, virtual: Virtual, alert: Alert) -> None:
        if not virtual.emailalert or alert.status not in virtual.emailalertstatus:
            return
        logger.info("emailalert: %s", alert.text)
        route = Route(virtual.smtp, self._sender, virtual.emailalert)
        group = self._groups.setdefault(route, Group(self._clock() + virtual.emailalertgroup))
        group.alerts.append(alert.with_details_of(virtual))
        if not virtual.emailalertgroup or len(group.alerts) >= MAX_ALERTS:
            self._end(route, alone=virtual.emailalertgroup > 0)

    def _send(self, now: float) -> None:
        for route in [route for route, group in self._groups.items() if group.ends <= now]:
            self._end(route)

    def _end(self, route: Route, *, alone: bool = True) -> None:
        alerts = list(filter(self.holds, self._groups.pop(route).alerts))
        if alerts:
            now = time.time(), self._clock()
            self._post(compose(alerts, route, self._host, written=now[0], began=now[1], alone=alone), self.holds)


def _status(event: Checked | Written) -> AlertStatus:
    """Return the state in which the daemon was when the cause of an event began."""
    if isinstance(event, Written) and event.phase is Phase.RUN and event.cause:
        return _status(event.cause)
    return _STATUS.get(event.phase, AlertStatus.RUNNING)


def _inaccessible(key: DestinationKey) -> str:
    return f"Inaccessible real server: {endpoint(key.address, key.port)} ({virtual_name(key.service)})"
