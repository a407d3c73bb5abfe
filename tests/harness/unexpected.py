"""Finds checks that failed with a Python exception: no test passes with one unless it is marked."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager

_PROBE = "ldirectord_py.checks.probe"
_REASON = re.compile(r"^.*(?:\b\w+ in the check \(see the log\)|\bfailed unexpectedly\b).*$", re.MULTILINE)


class _Recorder(logging.Handler):
    """Records the exceptions of checks in this process and in its workers."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.records: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        self.records.append(f"{record.getMessage()}: {error!r}")


@contextmanager
def recorded() -> Iterator[list[str]]:
    """Yield the list of exceptions of checks during the block."""
    recorder = _Recorder()
    logger = logging.getLogger(_PROBE)
    logger.addHandler(recorder)
    try:
        yield recorder.records
    finally:
        logger.removeHandler(recorder)


def in_log(text: str) -> list[str]:
    """Return the lines of a daemon's log that report such an exception."""
    return _REASON.findall(text)
