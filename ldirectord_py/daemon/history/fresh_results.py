"""The results that came since the last look, found without any work at the results themselves."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import compress, count
from operator import attrgetter, ne
from typing import Final

from ldirectord_py.checks.base import Check
from ldirectord_py.daemon.history.reason_table import NOTHING
from ldirectord_py.daemon.history.results import LastWords, ResultHistory, ResultRing

FreshResult = tuple[int, float, float, LastWords]
"""The position of a check, when its last probe ended (monotonic clock), its seconds, and its words."""


_AT: Final = attrgetter("at")


class FreshResults:
    """The last results of some checks, in the order in which these were added.

    Its state: of each check its ring, how far that was read, when its last result came, and after how many seconds the
    next one is overdue.
    """

    def __init__(self, history: ResultHistory) -> None:
        self._history = history
        self._rings: list[ResultRing] = []
        self._seen: list[int] = []
        self._ats: list[float] = []
        self._limits: list[float] = []
        self._unanswered: set[int] = set()

    def __len__(self) -> int:
        """Return the number of checks."""
        return len(self._rings)

    def add(self, check: Check, limit: float) -> LastWords:
        """Add a check that is kept, and return the words of its last result; after ``limit`` seconds it is late."""
        ring = self._history.ring(check)
        at, _, words = self._history.newest(ring)
        if words[0] == NOTHING:
            self._unanswered.add(len(self._rings))
        self._rings.append(ring)
        self._seen.append(ring.at)
        self._ats.append(at)
        self._limits.append(limit)
        return words

    def new_results(self, start: int, end: int) -> Iterator[FreshResult]:
        """Yield the last results of the checks from ``start`` to ``end`` that have new ones: 0.05 us for each check.

        A check that had exactly as many results as are kept since the last look is passed over.
        """
        newest, rings = self._history.newest, self._rings
        changed = map(ne, map(_AT, rings[start:end]), self._seen[start:end])
        positions = list(compress(count(start), changed))
        self._unanswered.difference_update(positions)
        for position in positions:
            ring = rings[position]
            at, seconds, words = newest(ring)
            self._seen[position], self._ats[position] = ring.at, at
            yield position, at, seconds, words

    def words(self, position: int) -> LastWords:
        """Return what is said of the last result of a check, also if it was not looked at."""
        ring = self._rings[position]
        return self._history.newest(ring)[2]

    def late(self, now: float) -> frozenset[int]:
        """Return the positions of the checks whose next result should have come."""
        if now - min(self._ats, default=now) <= min(self._limits, default=0.0):
            return frozenset()
        pairs = enumerate(zip(self._ats, self._limits, strict=True))
        return frozenset(position for position, (at, limit) in pairs if now - at > limit)

    def oldest(self) -> float | None:
        """Return when the oldest of the last results came, None without any."""
        if not self._unanswered:
            return min(self._ats, default=None)
        return min((at for each, at in enumerate(self._ats) if each not in self._unanswered), default=None)
