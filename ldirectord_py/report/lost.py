"""How much of what was to be reported got lost."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple, Protocol

from ldirectord_py.runtime.text import count_of

_NOUNS: Final[Mapping[str, str]] = {
    "log_lines": "log line",
    "monitorfile_lines": "monitorfile line",
    "mails": "mail",
    "notifications": "notification",
}


class LostReports(NamedTuple):
    """Lines and messages that were lost since the daemon started: too many waited, for too long, or were refused."""

    log_lines: int = 0
    monitorfile_lines: int = 0
    mails: int = 0
    notifications: int = 0

    def minus(self, former: LostReports) -> LostReports:
        """Return what was lost since the counts were ``former``."""
        return LostReports(*(now - before for now, before in zip(self, former, strict=True)))


def lost_texts(counts: Mapping[str, int]) -> Iterator[str]:
    """Yield in words the counts that are not 0, of those that LostReports names."""
    return (count_of(counts[name], noun) for name, noun in _NOUNS.items() if counts[name])


class Lossy(Protocol):
    """Passes lines or messages on, and may lose some."""

    @property
    def lost(self) -> int:
        """How many were lost so far."""


def lost_by(parts: Iterable[Lossy]) -> int:
    """Return how much was lost by all of these together."""
    return sum(part.lost for part in parts)
