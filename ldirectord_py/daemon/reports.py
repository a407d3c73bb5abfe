"""The reports that are sent or written in the background: mails, notifications and monitorfiles."""

from __future__ import annotations

import asyncio

from ldirectord_py.config.model import Config
from ldirectord_py.report.log import logfile
from ldirectord_py.report.lost import LostReports
from ldirectord_py.report.mail.alerts import MailAlerts
from ldirectord_py.report.mail.dispatcher import MailDispatcher, this_host
from ldirectord_py.report.mail.held_alerts import Doubt
from ldirectord_py.report.monitorfile import MonitorFiles
from ldirectord_py.report.notifications.listener import Notifications
from ldirectord_py.runtime.lookup import resolve_addresses
from ldirectord_py.runtime.threads import run_in_daemon_thread


class Reports:
    """The ``mail``, the ``notifications`` and the monitor ``files`` of a daemon."""

    def __init__(self, config: Config, doubt: Doubt) -> None:
        self._dispatcher = MailDispatcher(resolve_addresses)
        self.mail = MailAlerts(config, this_host(), self._dispatcher, doubt)
        self.notifications = Notifications(config, this_host().name, resolve_addresses)
        self.files = MonitorFiles()

    def lost_reports(self) -> LostReports:
        """Return how many lines and messages were lost, also of the log."""
        sent = self._dispatcher.lost, self.notifications.lost
        return LostReports(logfile.lost_lines(), self.files.lost, *sent)

    async def close(self, seconds: float) -> None:
        """Send and write what is queued, within ``seconds``."""
        self.mail.flush()
        writing = run_in_daemon_thread(self.files.close, seconds)
        sending = (self._dispatcher.close(seconds), self.notifications.close(seconds))
        await asyncio.gather(*sending, writing, return_exceptions=True)
