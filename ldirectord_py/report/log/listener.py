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
        values = self.__dict__ = _COMMON.copy()
        values["levelno"], values["levelname"] = level, logging.getLevelName(level)
        values["created"] = now = time.time()
        values["msecs"] = now % 1 * 1000
        values["msg"], values["event"] = text, event


def log(event: Event) -> None:
    """Write the line of an event, if it has one."""
    text = line(event)
    if text is not None:
        trouble = isinstance(event, _TROUBLE) and not (isinstance(event, Unjudged) and event.over)
        level = logging.WARNING if trouble else logging.INFO
        if _logger.isEnabledFor(level):
            _logger.handle(_EventRecord(level, text, event))
