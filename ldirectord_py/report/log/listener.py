"""Events to the log."""

from __future__ import annotations

import logging
import time
from typing import Final

from ldirectord_py.report.events import Event, KernelLost, NotWritten, Unjudged, Unresolved
from ldirectord_py.report.wording import line

_logger = logging.getLogger(__name__)
_TROUBLE = (KernelLost, NotWritten, Unjudged, Unresolved)

_COMMON: Final = vars(logging.LogRecord(__name__, logging.INFO, __file__, 0, "", (), None, "log"))


class _EventRecord(logging.LogRecord):
    """A record with its ``event``; caller and thread are always the same: to find them takes 5 us of 7."""

    def __init__(self, level: int, text: str, event: Event) -> None:
        now, name = time.time(), logging.getLevelName(level)
        own = {"levelno": level, "levelname": name, "created": now, "msecs": now % 1 * 1000}
        self.__dict__ = {**_COMMON, **own, "msg": text, "event": event}


def log(event: Event) -> None:
    """Write the line of an event, if it has one."""
    text = line(event)
    if text is not None:
        trouble = isinstance(event, _TROUBLE) and not (isinstance(event, Unjudged) and event.over)
        level = logging.WARNING if trouble else logging.INFO
        if _logger.isEnabledFor(level):
            _logger.handle(_EventRecord(level, text, event))
