"""The results that came since the last look, as they were when they came: a look at all checks takes longer."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from itertools import count

from ldirectord_py.checks.base import Check
from ldirectord_py.daemon.history.reason_table import NOTHING
from ldirectord_py.daemon.history.results import FOLLOWED_FIELDS, LastWords, ResultHistory, ResultRing

FreshResult = tuple[int, int, float, int, float | None]
"""The position of a check, the other FOLLOWED_FIELDS of its last result, and the end of the last certificate."""


class FreshResults:
    """The last results of some checks. Of a history there is one at a time, until ``end_following``.

    Its state: the ring and the position of each check, when its last result came, and after how many seconds the next
    one is overdue; the results that were not looked at; the checks without any; the words of checks without a
    certificate, each kept once. Also the first of these times, once it was looked for, and the least of these seconds.
    """

    def __init__(self, history: ResultHistory) -> None:
        self._history = history
        self._new = history.follow_results()
        self._rings: list[ResultRing] = []
        self._positions: dict[ResultRing, int] = {}
        self._ats = array("d")
        self._limits = array("d")
        self._unanswered: set[int] = set()
        self._words: dict[LastWords, LastWords] = {}
        self._first_at: float | None = None
        self._least_limit = 0.0

    def __len__(self) -> int:
        """Return the number of checks."""
        return len(self._rings)

    @property
    def is_complete(self) -> bool:
        """Whether no result has been left out, since too many waited."""
        return self._history.fills(self._new)

    @property
    def new_count(self) -> int:
        """How many results there are that ``new_results`` has not returned."""
        return len(self._new) // FOLLOWED_FIELDS

    def add(self, check: Check, limit: float) -> LastWords:
        """Add a check that is kept, and return the words of its last result; after ``limit`` seconds it is late."""
        ring, position = self._history.ring(check), len(self._rings)
        at, _, words = self._history.newest(ring)
        if words[0] == NOTHING:
            self._unanswered.add(position)
        self._least_limit = min(self._least_limit, limit) if position else limit
        self._positions[ring] = position
        self._rings.append(ring)
        self._ats.append(at)
        self._limits.append(limit)
        self._first_at = None
        return words if words[1] else self._words.setdefault(words, words)

    def new_results(self, limit: int) -> Iterator[FreshResult]:
        """Yield the last new result of each check, of the first ``limit`` new ones: 0.3 us for each."""
        columns = [self._new[field : limit * FOLLOWED_FIELDS : FOLLOWED_FIELDS] for field in range(FOLLOWED_FIELDS)]
        del self._new[: limit * FOLLOWED_FIELDS]
        self._first_at = None
        last = dict(zip(columns[0], count(), strict=False))
        ends = {ring: end for ring, end in zip(columns[0], columns[4], strict=True) if end is not None}
        for index, (ring, at, seconds, reason, _) in enumerate(zip(*columns, strict=True)):
            position = self._positions.get(ring)
            if position is None or last[ring] != index:
                continue
            self._ats[position] = at / 1e9
            self._unanswered.discard(position)
            yield position, at, seconds, reason, ends.get(ring)

    def words(self, position: int) -> LastWords:
        """Return what is said of the last result of a check, also if it was not looked at."""
        return self._history.newest(self._rings[position])[2]

    def late(self, now: float) -> frozenset[int]:
        """Return the positions of the checks whose next result should have come."""
        if not self._rings or now - self._first() <= self._least_limit:
            return frozenset()
        pairs = enumerate(zip(self._ats, self._limits, strict=True))
        return frozenset(position for position, (at, limit) in pairs if now - at > limit)

    def oldest(self) -> float | None:
        """Return when the oldest of the last results came, None without any."""
        if self._rings and not self._unanswered:
            return self._first()
        return min((at for each, at in enumerate(self._ats) if each not in self._unanswered), default=None)

    def _first(self) -> float:
        """Return the first time at which a last result came, or at which a check without any was added."""
        if self._first_at is None:
            self._first_at = min(self._ats)
        return self._first_at
