"""The last results of each check, 8 bytes each."""

from __future__ import annotations

import struct
import time
from bisect import bisect_left
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, Final, NamedTuple

from ldirectord_py.checks.base import Check, Result
from ldirectord_py.daemon.history.check_counters import DURATION_PLACES, CheckCounter, CheckCounters
from ldirectord_py.daemon.history.reason_table import NOTHING, Reason, ReasonTable
from ldirectord_py.health import Verdict
from ldirectord_py.ipvs.table import ServiceKey

KEPT_RESULTS: Final = 20
"""Results of each check that are kept."""

_MAX_SECONDS: Final = 65504.0
_TICK: Final = 27
"""Times are kept in units of 2 ** 27 ns, 0.13 s: 32 bits of them last for 18 years after the boot."""
_TICK_SECONDS: Final = 2**_TICK / 1e9
_RESULT = struct.Struct("=IeH")
"""The time of the monotonic clock, the duration in seconds, and the number of the reason."""
_SIZE: Final = _RESULT.size
_RING_SIZE: Final = KEPT_RESULTS * _SIZE
_EMPTY_RING: Final = bytes(_RING_SIZE)
_pack_into = _RESULT.pack_into
_unpack_from = _RESULT.unpack_from
_NONE: Final = Verdict.NONE
_UP: Final = Verdict.UP


class PastResult(NamedTuple):
    """A result as kept: when its probe ended, in seconds of the monotonic clock, its duration, and its reason."""

    at: float
    seconds: float
    reason: Reason


LastWords = tuple[int, float | None]
"""The number of the reason of a result, and the end of the certificate that was seen last, in seconds since 1970."""


class ResultRing:
    """The results of one check: where in the store the next one goes, its counter, and the last one that judged.

    ``number`` is what whoever follows all results has set, to know by it what a result is about; else None.
    """

    __slots__ = ("at", "counter", "last", "number")

    def __init__(self, at: int, counter: CheckCounter) -> None:
        self.at = at
        self.counter = counter
        self.last: Result | None = None
        self.number: int | None = None


MAX_FOLLOWED: Final = 50_000
"""Results that wait for whoever follows them; after so many it gets no more, and has to begin anew."""

FOLLOWED_FIELDS: Final = 5
"""The items for each result in the list of whoever follows all results: the ``number`` of its ring; when it came, in
nanoseconds of the monotonic clock; the seconds of its probe; the number of its reason; the end of the certificate that
it saw, or None. They are no tuples, as thousands of these would make the garbage collector run.
"""


class ResultHistory:
    """Its state: the ring of each check in one block of memory, the rings that are free, the reasons, the counters.

    Also when the certificates end that probes saw last, in seconds since the epoch, and the list of whoever follows all
    results.

    An entry without a reason, before the first result of a ring, has the time at which the check was added. ``clock``
    returns nanoseconds.
    """

    def __init__(self, clock: Callable[[], int] = time.monotonic_ns) -> None:
        self._clock = clock
        self._rings: dict[Check, ResultRing] = {}
        self._certificate_ends: dict[ResultRing, float] = {}
        self._store = bytearray()
        self._free: list[int] = []
        self._followed: list[Any] | None = None
        self._reasons = ReasonTable(self._used_reasons)
        self._latest = self._reasons.latest
        self.counters = CheckCounters()
        self._uncounted = self.counters.counter("", ())

    def record(self, check: Check, result: Result) -> bool:
        """Keep and count a result of a check that is kept; return whether it judged. Called for each probe: 0.6 us."""
        ring = self._rings[check]
        verdict, reason, seconds, code, _, certificate_end = result
        if certificate_end is not None:
            self._certificate_ends[ring] = certificate_end
        known = self._latest.get(reason)
        if known is None or known[1] is not verdict or known[2] is not code:
            known = self._reasons.add(result)
        now = self._clock()
        if (followed := self._followed) is not None:
            followed += (ring.number, now, seconds, known[0], certificate_end)
            if len(followed) >= MAX_FOLLOWED * FOLLOWED_FIELDS:
                self.end_following()
        at = ring.at
        try:
            _pack_into(self._store, at, now >> _TICK, seconds, known[0])
        except OverflowError:  # longer than 18 hours
            _pack_into(self._store, at, now >> _TICK, _MAX_SECONDS, known[0])
        at += _SIZE
        ring.at = at if at % _RING_SIZE else at - _RING_SIZE
        counter = ring.counter
        counter.outcomes[known[3]] += 1
        if verdict is _UP:
            durations, place = counter.durations, bisect_left(DURATION_PLACES, seconds)
            durations[place] += 1
            durations[0] += seconds
            if counter.others:
                counter.add_to_others(place, seconds)
        elif verdict is _NONE:
            return False
        ring.last = known[4]
        return True

    def keep(self, checks: Collection[Check]) -> None:
        """Keep exactly these checks; those that are new have no result yet, and no kind until ``count`` is called."""
        for check in [check for check in self._rings if check not in checks]:
            ring = self._rings.pop(check)
            self._certificate_ends.pop(ring, None)
            self._free.append(_ring_start(ring.at))
        new = [check for check in checks if check not in self._rings]
        for check, at in zip(new, self._places(len(new)), strict=True):
            _pack_into(self._store, at + _RING_SIZE - _SIZE, self._clock() >> _TICK, 0.0, NOTHING)
            self._rings[check] = ResultRing(at, self._uncounted)

    def count(self, check: Check, services: Collection[ServiceKey]) -> None:
        """Count the results of a check that is kept in the durations of exactly these virtuals."""
        self._rings[check].counter = self.counters.counter(check.kind, services)

    def verdicts(self) -> Mapping[Check, Result]:
        """Return the last result of each check that judged, without its duration; many checks have the same object."""
        return {check: ring.last for check, ring in self._rings.items() if ring.last is not None}

    def ring(self, check: Check) -> ResultRing:
        """Return the ring of a check that is kept; ``at`` is another one after each result."""
        return self._rings[check]

    def follow_results(self) -> list[Any]:
        """Return a list that gets FOLLOWED_FIELDS of each result, until it is full or somebody else calls this.

        The rings have no number any more.
        """
        for ring in self._rings.values():
            ring.number = None
        followed: list[Any] = []
        self._followed = followed
        return followed

    def adds_to(self, followed: list[Any]) -> bool:
        """Return whether this list of ``follow_results`` still gets results."""
        return self._followed is followed

    def end_following(self) -> None:
        """Add results to no list."""
        self._followed = None

    def newest(self, ring: ResultRing) -> tuple[float, float, LastWords]:
        """Return when the last probe of a ring ended, its seconds and its words.

        Before the first result the number of its reason is NOTHING, and the time that at which the check was added.
        """
        at = ring.at
        ticks, seconds, number = _unpack_from(self._store, at - _SIZE if at % _RING_SIZE else at + _RING_SIZE - _SIZE)
        return ticks * _TICK_SECONDS, seconds, (number, self._certificate_ends.get(ring))

    def added(self, check: Check) -> float | None:
        """Return when a check that has no result was added, in seconds of the monotonic clock, else None."""
        ring = self._rings.get(check)
        at, _, number = self._entry(ring.at, 1) if ring is not None else (0.0, 0.0, None)
        return at if number == NOTHING else None

    def certificate_end(self, check: Check) -> float | None:
        """Return when the certificate ends that a probe of a check saw last, in seconds since the epoch."""
        ring = self._rings.get(check)
        return None if ring is None else self._certificate_ends.get(ring)

    def last(self, check: Check) -> PastResult | None:
        """Return the last result of a check, None if it has none or is not kept."""
        ring = self._rings.get(check)
        if ring is None:
            return None
        at, seconds, number = self._entry(ring.at, 1)
        reason = self._reasons.reason(number)
        return None if reason is None else PastResult(at, seconds, reason)

    def results(self, check: Check) -> Iterator[PastResult]:
        """Yield the results of a check, the latest first; none of one that is not kept."""
        ring = self._rings.get(check)
        if ring is None:
            return
        for back in range(1, KEPT_RESULTS + 1):
            at, seconds, number = self._entry(ring.at, back)
            reason = self._reasons.reason(number)
            if reason is None:
                return
            yield PastResult(at, seconds, reason)

    def _entry(self, next_at: int, back: int) -> tuple[float, float, int]:
        start = _ring_start(next_at)
        at = start + (next_at - start - back * _SIZE) % _RING_SIZE
        ticks, seconds, number = _unpack_from(self._store, at)
        return ticks * _TICK_SECONDS, seconds, number

    def _places(self, count: int) -> list[int]:
        """Return places of the store for so many rings, and clear them; the store grows once, so no memory is spare."""
        places = self._free[:count]
        del self._free[:count]
        for at in places:
            self._store[at : at + _RING_SIZE] = _EMPTY_RING
        end = len(self._store)
        self._store += _EMPTY_RING * (count - len(places))
        return places + list(range(end, len(self._store), _RING_SIZE))

    def _used_reasons(self) -> Collection[int]:
        with memoryview(self._store) as view, view.cast("H") as words:
            return set(words[_SIZE // 2 - 1 :: _SIZE // 2])


def _ring_start(at: int) -> int:
    return at - at % _RING_SIZE
