"""How much of what was to be reported got lost."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple, Protocol


class LostReports(NamedTuple):
    """Lines and messages that were lost since the daemon started: too many waited, for too long, or were refused."""

    log_lines: int = 0
    monitorfile_lines: int = 0
    mails: int = 0
    notifications: int = 0

    def minus(self, former: LostReports) -> LostReports:
        """Return what was lost since the counts were ``former``."""
        return LostReports(*(now - before for now, before in zip(self, former, strict=True)))


class Lossy(Protocol):
    """Passes lines or messages on, and may lose some."""

    @property
    def lost(self) -> int:
        """How many were lost so far."""


def lost_by(parts: Iterable[Lossy]) -> int:
    """Return how much was lost by all of these together."""
    return sum(part.lost for part in parts)
