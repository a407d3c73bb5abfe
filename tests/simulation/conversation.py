"""One conversation of a probe with a server, and what the probe was told in truth."""

from __future__ import annotations

from enum import Enum, auto
from math import inf
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from simulation.servers import Server

MARGIN: Final = 0.1
"""Seconds around the time limit in which a probe may be judged either way: ticks, and a turn of the loop."""


class Told(Enum):
    """What a probe was told by its server, whatever the director makes of it."""

    GOOD = auto()  # the right answer, in time
    BAD = auto()
    INNOCENT = auto()  # the server did its part or would have, in time, but the probe did not hear it
    UNCLEAR = auto()  # at the edge of the time limit, or later because this host stood still
    NOTHING = auto()  # a fault of this host, or the probe ended early


_GOOD: Final = Told.GOOD


class Attempt(NamedTuple):
    """One conversation, and its time."""

    begin: float
    end: float
    told: Told


class Conversation:
    """The director's end of a conversation: over TCP or UDP, or by a command.

    Its state: the server, when it began, the ``error`` that the server causes, after how many seconds the connection
    and the answer come, and how far it has come. ``right``: no answer was a wrong one.
    """

    server: Server | None = None
    begin = 0.0
    error = 0
    connect_delay = answer_delay = inf
    accepted = requested = answered = right = refused = hung_up = False

    def told(self, timeout: float, elapsed: float) -> Told:
        """Return what the probe was told that ends now, after so many seconds."""
        if self.answered and self.right and not (self.refused or self.hung_up):
            delay = self.connect_delay + self.answer_delay
            return _GOOD if delay < timeout - MARGIN else Told.UNCLEAR
        return Told.INNOCENT if self.hung_up else self._told_otherwise(timeout, elapsed)

    def _told_otherwise(self, timeout: float, elapsed: float) -> Told:
        over = elapsed >= timeout - MARGIN / 2
        if self.refused:
            return Told.BAD if self.error or over else Told.NOTHING
        heard = self.answered if self.requested else self.accepted
        if self.requested and not self.right:
            return Told.BAD if heard else Told.UNCLEAR
        delay = self.connect_delay + (self.answer_delay if self.requested else 0.0)
        if delay < timeout - MARGIN:
            return Told.GOOD if heard else Told.INNOCENT if over else Told.NOTHING
        if heard or delay <= timeout + MARGIN:
            return Told.UNCLEAR
        return Told.BAD if over else Told.NOTHING
