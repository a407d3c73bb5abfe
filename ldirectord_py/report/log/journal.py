"""The journal of systemd as a sink of the log: entries with fields, over its native protocol.

It takes the place of what the journal collects anyway, so that nothing is in it twice: a standard output that leads to
it, and the socket of syslog where it is the journal's.
"""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from ldirectord_py.report.log.formats import LogLine, journal_entry
from ldirectord_py.report.log.sinks import SEND_TIMEOUT, SYSLOG_SOCKET, facility_number, severity

JOURNAL_SOCKET: Final = "/run/systemd/journal/socket"
SYSLOG_OF_JOURNAL: Final = "/run/systemd/journal/dev-log"
"""Where the journal takes messages of syslog; ``/dev/log`` is a link to it."""

DEFAULT_FACILITY: Final = "daemon"


def is_journal(descriptor: int) -> bool:
    """Return whether an open stream leads to the journal, as JOURNAL_STREAM says, and the journal has its socket."""
    try:
        status = os.fstat(descriptor)
    except OSError:
        return False
    return os.environ.get("JOURNAL_STREAM") == f"{status.st_dev}:{status.st_ino}" and Path(JOURNAL_SOCKET).exists()


def takes_syslog() -> bool:
    """Return whether the journal collects the messages of syslog on this host."""
    return str(Path(SYSLOG_SOCKET).resolve()) == SYSLOG_OF_JOURNAL and Path(JOURNAL_SOCKET).exists()


@dataclass(slots=True)
class JournalSink:
    """The journal; ``facility`` is the name of one of the facilities of syslog."""

    instance: str
    facility: str = DEFAULT_FACILITY
    path: str = JOURNAL_SOCKET
    _socket: socket.socket | None = field(default=None, repr=False, compare=False)

    def write(self, lines: Sequence[LogLine]) -> None:
        """Send an entry for each line; raises OSError, also for an unknown facility."""
        number = facility_number(self.facility)
        for line in lines:
            try:
                self._send(number, line)
            except TimeoutError:
                raise
            except OSError as error:  # the journal was restarted, or takes no entry of this size
                self.close()
                self._send(number, line._replace(event=None) if error.errno == errno.EMSGSIZE else line)

    def close(self) -> None:
        """Close the socket."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _send(self, facility: int, line: LogLine) -> None:
        if self._socket is None:
            sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            self._socket = sock
            sock.settimeout(SEND_TIMEOUT)
            sock.connect(self.path)
        syslog = {
            "PRIORITY": str(severity(line.level)),
            "SYSLOG_FACILITY": str(facility),
            "SYSLOG_IDENTIFIER": "ldirectord",
            "SYSLOG_PID": str(os.getpid()),
        }
        self._socket.send(journal_entry(line, self.instance, syslog))
