"""Events to the log."""

from __future__ import annotations

import logging

from ldirectord_py.report.events import Event, KernelLost, NotWritten, Unjudged, Unresolved
from ldirectord_py.report.wording import line

_logger = logging.getLogger(__name__)
_TROUBLE = (KernelLost, NotWritten, Unjudged, Unresolved)


def log(event: Event) -> None:
    """Write the line of an event, if it has one."""
    text = line(event)
    if text is not None:
        trouble = isinstance(event, _TROUBLE) and not (isinstance(event, Unjudged) and event.over)
        _logger.log(logging.WARNING if trouble else logging.INFO, "%s", text, extra={"event": event})
