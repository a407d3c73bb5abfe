"""The results that came since the last look, as they were when they came: a look at all checks takes longer."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from itertools import chain
from math import inf
from typing import Final

from ldirectord_py.checks.base import Check
from ldirectord_py.daemon.history.reason_table import NOTHING
from ldirectord_py.daemon.history.results import FOLLOWED_FIELDS, LastWords, ResultHistory, ResultRing

NO_WORDS: Final[LastWords] = (NOTHING, None)
"""What is said of a server without a result."""

FreshResult = tuple[int, int, float, int, float | None]
"""The number of a server, and the other FOLLOWED_FIELDS of a result."""


class FreshResults:
    """The last results of servers, by number. Of a history there is one at a time, until ``end_following``.

    Its state: the ring of each server, when its last result came, and after how many seconds the next one is overdue.
    Of several servers with one check only the first one has these times, and its number is that of the ring; ``others``
    are the numbers of the rest.

    Also the results that were not looked at; the servers without any; the words of checks without a certificate, each
    kept once; the first of the times, once it was looked for, and the least of the seconds.
    """

    def __init__(self, history: ResultHistory, size: int) -> None:
        self._history = history
        self._new = history.follow_results()
        self._rings: list[ResultRing | None] = [None] * size
        self._ats = array("d", (inf,)) * size
        self._limits = array("d", (inf,)) * size
        self._others: dict[int, Sequence[int]] = {}
        self._unanswered: set[int] = set()
        self._words: dict[LastWords, LastWords] = {}
        self._first_at: float | None = None
        self._least_limit = inf

    @property
    def is_complete(self) -> bool:
        """Whether no result has been left out, since too many waited."""
        return self._history.adds_to(self._new)

    @property
    def new_count(self) -> int:
        """How many results there are that ``new_results`` has not returned."""
        return len(self._new) // FOLLOWED_FIELDS

    def add(self, check: Check, numbers: Sequence[int], limit: float) -> LastWords:
        """Add a check that is kept and informs these servers, and return the words of its last result.

        They are late ``limit`` seconds after a result.
        """
        ring, number = self._history.ring(check), numbers[0]
        at, _, words = self._history.newest(ring)
        if words[0] == NOTHING:
            self._unanswered.add(number)
        for each in numbers:
            self._rings[each] = ring
        if len(numbers) > 1:
            self._others[number] = numbers[1:]
        self._least_limit = min(self._least_limit, limit)
        self._ats[number] = at
        self._limits[number] = limit
        self._first_at = None
        ring.number = number
        return words if words[1] else self._words.setdefault(words, words)

    def new_results(self, limit: int) -> Iterator[FreshResult]:
        """Yield the first ``limit`` new results, in their order: 0.2 us for each."""
        columns = [self._new[field : limit * FOLLOWED_FIELDS : FOLLOWED_FIELDS] for field in range(FOLLOWED_FIELDS)]
        del self._new[: limit * FOLLOWED_FIELDS]
        self._first_at = None
        self._unanswered.difference_update(columns[0])
        ats, others = self._ats, self._others
        for result in zip(*columns, strict=True):
            number = result[0]
            if number is None:  # a check that was not added
                continue
            ats[number] = result[1] / 1e9
            yield result
            if number in others:
                yield from ((other, *result[1:]) for other in others[number])

    def words(self, number: int) -> LastWords:
        """Return what is said of the last result of a server, also if it was not looked at."""
        ring = self._rings[number]
        return NO_WORDS if ring is None else self._history.newest(ring)[2]

    def late(self, now: float) -> frozenset[int]:
        """Return the servers whose next result should have come."""
        if now - self._first() <= self._least_limit:
            return frozenset()
        pairs = enumerate(zip(self._ats, self._limits, strict=True))
        late = [number for number, (at, limit) in pairs if now - at > limit]
        return frozenset(chain(late, *(self._others.get(number, ()) for number in late)))

    def oldest(self) -> float | None:
        """Return when the oldest of the last results came, None without any."""
        oldest = self._first()
        if self._unanswered:
            answered = (at for number, at in enumerate(self._ats) if number not in self._unanswered)
            oldest = min(answered, default=inf)
        return oldest if oldest < inf else None

    def _first(self) -> float:
        """Return the first time at which a last result came, or a check without any was added; inf without checks."""
        if self._first_at is None:
            self._first_at = min(self._ats, default=inf)
        return self._first_at
