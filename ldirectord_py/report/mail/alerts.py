"""``emailalert``: which events become mails, in groups, and repeated while a server is down.

::

    Checked --> Reminder --.
    Written --> Alert ------+-- Group (emailalertgroup) --> MailMessage --> MailDispatcher --> MailQueue of the server
    clock ----> reminders --'   HeldAlerts: all but reminders wait there while all servers may be failing
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final, NoReturn

from ldirectord_py.address import Address, endpoint
from ldirectord_py.config.model import AlertStatus, Config, Virtual
from ldirectord_py.desired import row_key
from ldirectord_py.ipvs.diff import Verb
from ldirectord_py.ipvs.table import Destination, DestinationKey
from ldirectord_py.report.events import (
    Checked,
    ConfigInForce,
    Event,
    Flapping,
    Panic,
    Phase,
    Role,
    SelfDoubted,
    Written,
)
from ldirectord_py.report.mail.held_alerts import Doubt, HeldAlerts
from ldirectord_py.report.mail.message import MAX_ALERTS, Alert, Host, MailMessage, Route, compose
from ldirectord_py.report.wording import line, virtual_name
from ldirectord_py.runtime.waiting import repeat

logger = logging.getLogger(__name__)

TICK_INTERVAL: Final = 0.5
"""Seconds between two checks of which reminders and groups are due."""

Dispatch = Callable[[MailMessage, Callable[[Alert], bool]], None]
"""Queues a message; the second argument returns whether an alert is still true."""

_STATUS_OF_PHASE = {
    Phase.START: AlertStatus.STARTING,
    Phase.RELOAD: AlertStatus.RELOADING,
    Phase.STOP: AlertStatus.STOPPING,
}


@dataclass(slots=True)
class Group:
    """Alerts for one route that are sent together at ``due``, in seconds of the clock."""

    due: float
    alerts: list[Alert] = field(default_factory=list)


@dataclass(slots=True)
class Reminder:
    """A real server of ``virtual`` that is down; ``since``: the time of its last mail, in seconds of the clock."""

    virtual: Virtual
    since: float


class MailAlerts:
    """A Listener: passes messages about changes to ``dispatch``; holds some while all servers are suspected to fail.

    Its state: the reminders of servers that are down, by the kernel's key of the server, the alerts that are held, the
    open groups, and the virtuals of the configuration.
    """

    def __init__(
        self,
        config: Config,
        host: Host,
        dispatch: Dispatch,
        doubt: Doubt,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._host = host
        self._dispatch = dispatch
        self._clock = clock
        self._sender = config.settings.emailalertfrom
        self._reminders: dict[DestinationKey, Reminder] = {}
        self._groups: dict[Route, Group] = {}
        self._virtuals = config.virtuals
        self._held = HeldAlerts(self._add_alert, doubt)
        _prepare_mails(config)

    def __call__(self, event: Event) -> None:
        """Turn an event into an alert, if it is one; never waits."""
        if isinstance(event, Checked):
            self._checked(event)
        elif isinstance(event, Written) and isinstance(event.op.row, Destination):
            self._written(event, event.op.row)
        elif isinstance(event, Panic) and event.began:
            self._add_of_check(event.virtual, Alert(line(event) or "", AlertStatus.RUNNING))
        elif isinstance(event, Flapping) and not event.over:
            self._add_of_check(event.virtual, Alert(line(event) or "", AlertStatus.RUNNING), event.real.server)
        elif isinstance(event, SelfDoubted):
            self._self_doubted(event)
        elif isinstance(event, ConfigInForce):
            self._switch_config(event.config)

    def is_current(self, alert: Alert) -> bool:
        """Return False for an alert about a server that is no longer down."""
        return alert.down is None or alert.down in self._reminders

    async def run(self) -> NoReturn:
        """Send reminders and groups when they are due, for ever."""
        await repeat(self.tick, TICK_INTERVAL, "Reminding by mail failed")

    def tick(self) -> None:
        """Send the reminders and groups that are due."""
        now = self._clock()
        for key, reminder in self._reminders.items():
            if 0 < reminder.virtual.emailalertfreq <= now - reminder.since:
                reminder.since = now
                self._add_alert(reminder.virtual, Alert(_inaccessible(key), AlertStatus.RUNNING, down=key))
        self._held.tick()
        self._send_due(now)

    def flush(self) -> None:
        """Send all groups now."""
        self._held.flush()
        self._send_due(math.inf)

    def _switch_config(self, config: Config) -> None:
        """Drop the reminders of servers that are not in the configuration."""
        _prepare_mails(config)
        self._sender = config.settings.emailalertfrom
        self._virtuals = config.virtuals
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
            # The server never entered the table, so that no Written event follows.
            self._reminders[key] = Reminder(event.virtual, self._clock())
            alert = Alert(_inaccessible(key), _status(event), event.reason, down=key)
            self._add_of_check(event.virtual, alert, key.address)

    def _written(self, event: Written, row: Destination) -> None:
        up = event.op.verb is not Verb.DELETE and row.weight > 0
        if event.role is Role.REAL and up:
            self._reminders.pop(row.key, None)
        virtual = event.virtual
        if virtual is None or not virtual.emailalert or event.is_step:
            return
        placeholder = event.op.verb is Verb.ADD and not up  # a quiescent server that waits for its first success
        if placeholder or (event.role is Role.FALLBACK and event.phase is Phase.STOP):
            return
        reason = event.cause.reason if event.cause and event.role is Role.REAL else ""
        follows = event.cause is not None or event.role is Role.FALLBACK  # a check, and not an operator
        alert = Alert(line(event) or "", _status(event), reason)
        if follows and event.phase in {Phase.START, Phase.RUN}:
            self._add_of_check(virtual, alert, row.key.address if event.role is Role.REAL else None)
        else:
            self._add_alert(virtual, alert)

    def _add_of_check(self, virtual: Virtual, alert: Alert, server: Address | None = None) -> None:
        """Add an alert that follows from checks, of all servers of the virtual or of one; it may have to wait.

        Not where the virtual gets no mail that all servers fail, which would replace it.
        """
        if AlertStatus.RUNNING in virtual.emailalertstatus:
            servers = [real.server for real in virtual.reals] if server is None else [server]
            self._held.add(virtual, alert, servers)
        else:
            self._add_alert(virtual, alert)

    def _self_doubted(self, event: SelfDoubted) -> None:
        """Send one alert to all recipients, in place of the one of each server."""
        self._held.drop_doubted()
        alert = Alert(line(event) or "", AlertStatus.RUNNING)
        willing = (each for each in self._virtuals if AlertStatus.RUNNING in each.emailalertstatus)
        for virtual in {(each.smtp, each.emailalert): each for each in willing}.values():
            self._add_alert(replace(virtual, servicename=None, comment=None), alert)

    def _add_alert(self, virtual: Virtual, alert: Alert) -> None:
        if not virtual.emailalert or alert.status not in virtual.emailalertstatus:
            return
        logger.info("emailalert: %s", alert.text)
        route = Route(virtual.smtp, self._sender, virtual.emailalert)
        group = self._groups.setdefault(route, Group(self._clock() + virtual.emailalertgroup))
        group.alerts.append(alert.with_details_of(virtual))
        if not virtual.emailalertgroup or len(group.alerts) >= MAX_ALERTS:
            self._send_group(route, standalone=virtual.emailalertgroup > 0)

    def _send_due(self, now: float) -> None:
        for route in [route for route, group in self._groups.items() if group.due <= now]:
            self._send_group(route)

    def _send_group(self, route: Route, *, standalone: bool = True) -> None:
        alerts = list(filter(self.is_current, self._groups.pop(route).alerts))
        if alerts:
            date, now = time.time(), self._clock()
            message = compose(alerts, route, self._host, date=date, queued_at=now, standalone=standalone)
            self._dispatch(message, self.is_current)


def _prepare_mails(config: Config) -> None:
    """Import what composes and encodes messages, before the first one has to."""
    if any(virtual.emailalert for virtual in config.virtuals):
        import email.message  # noqa: PLC0415
        import email.policy  # noqa: PLC0415
        import email.utils  # noqa: F401, PLC0415


def _status(event: Checked | Written) -> AlertStatus:
    """Return the phase of the daemon at the first cause of an event."""
    if isinstance(event, Written) and event.phase is Phase.RUN and event.cause:
        return _status(event.cause)
    return _STATUS_OF_PHASE.get(event.phase, AlertStatus.RUNNING)


def _inaccessible(key: DestinationKey) -> str:
    return f"Inaccessible real server: {endpoint(key.address, key.port)} ({virtual_name(key.service)})"
