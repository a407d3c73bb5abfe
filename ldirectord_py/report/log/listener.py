"""Events to the log."""

from __future__ import annotations

import logging
import time

from ldirectord_py.report.events import Event, KernelLost, NotWritten, Unjudged, Unresolved
from ldirectord_py.report.log.formats import LogLine
from ldirectord_py.report.log.logfile import one_line, opened
from ldirectord_py.report.wording import line

_logger = logging.getLogger(__name__)
_TROUBLE = (KernelLost, NotWritten, Unjudged, Unresolved)


def log(event: Event) -> None:
    """Write the line of an event, if it has one, straight to the open log: a record of ``logging`` takes 3 us more."""
    text = line(event)
    if text is None:
        return
    trouble = isinstance(event, _TROUBLE) and not (isinstance(event, Unjudged) and event.over)
    level = logging.WARNING if trouble else logging.INFO
    if (target := opened()) is not None:
        target.queue_line(LogLine(time.time(), level, one_line(text), __name__, event))
    else:
        _logger.log(level, "%s", text, extra={"event": event})
