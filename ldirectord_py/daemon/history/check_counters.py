"""Counts results: by kind of check, verdict and code; and how long those that passed took, by virtual."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from itertools import product
from typing import Final, NamedTuple

from ldirectord_py.checks.codes import ReasonCode
from ldirectord_py.health import Verdict
from ldirectord_py.ipvs.table import ServiceKey

DURATION_BOUNDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""The upper bounds of the buckets, in seconds; one more holds what took longer."""

Outcome = tuple[Verdict, ReasonCode]

OUTCOMES: Final[dict[Outcome, int]] = {each: index for index, each in enumerate(product(Verdict, ReasonCode))}
"""The number of each outcome."""

_PASSED: Final = [index for (verdict, _), index in OUTCOMES.items() if verdict is Verdict.UP]

DURATION_PLACES: Final = (-1.0, *DURATION_BOUNDS)
"""Where ``bisect_left`` finds the place of a bucket in Durations."""

Durations = list[float]
"""The seconds of all results, and then how many each bucket has."""


class OutcomeCount(NamedTuple):
    """How many results of a kind of check had a verdict and a code."""

    kind: str
    verdict: Verdict
    code: ReasonCode
    results: int


class CheckCounter:
    """Where the results of checks are counted that are of one kind and inform the same virtuals.

    ``durations`` are those of the first virtual, ``others`` those of further ones.
    """

    __slots__ = ("durations", "others", "outcomes")

    def __init__(self, outcomes: list[int], durations: Durations, others: Sequence[Durations] = ()) -> None:
        self.outcomes = outcomes
        self.durations = durations
        self.others = others

    def add_to_others(self, place: int, seconds: float) -> None:
        """Count the duration of a result in all virtuals but the first."""
        for durations in self.others:
            durations[place] += 1
            durations[0] += seconds


class CheckCounters:
    """Its state: the number of results by kind and outcome, and the durations of those that passed, by virtual.

    Also the counters that were made since the last ``retain``, which checks share.
    """

    def __init__(self) -> None:
        self._outcomes: dict[str, list[int]] = {}
        self._durations: dict[ServiceKey, Durations] = {}
        self._made: dict[tuple[str, tuple[ServiceKey, ...]], CheckCounter] = {}

    def counter(self, kind: str, services: Collection[ServiceKey]) -> CheckCounter:
        """Return the counter of a check of this kind that informs these virtuals."""
        key = kind, tuple(services)
        if key not in self._made:
            self._made[key] = self._make(kind, services)
        return self._made[key]

    def _make(self, kind: str, services: Collection[ServiceKey]) -> CheckCounter:
        outcomes = self._outcomes.setdefault(kind, [0] * len(OUTCOMES))
        durations = [self._durations.setdefault(each, _no_durations()) for each in services]
        return CheckCounter(outcomes, durations[0] if durations else _no_durations(), durations[1:])

    def retain(self, services: Collection[ServiceKey]) -> None:
        """Forget the durations of all other virtuals."""
        self._made.clear()
        for key in [key for key in self._durations if key not in services]:
            del self._durations[key]

    def passed(self) -> int:
        """Return how many results passed."""
        return sum(counts[index] for counts in self._outcomes.values() for index in _PASSED)

    def recorded(self) -> int:
        """Return how many results there were."""
        return sum(map(sum, self._outcomes.values()))

    def outcomes(self) -> Iterator[OutcomeCount]:
        """Yield the outcomes that there were."""
        for kind, counts in self._outcomes.items():
            for (verdict, code), count in zip(OUTCOMES, counts, strict=True):
                if count:
                    yield OutcomeCount(kind, verdict, code, count)

    def durations(self) -> Iterator[tuple[ServiceKey, list[int], float]]:
        """Yield for each virtual how many results each bucket has, and the seconds of all."""
        for key, durations in list(self._durations.items()):
            yield key, [int(count) for count in durations[1:]], durations[0]


def _no_durations() -> Durations:
    return [0.0] + [0] * (len(DURATION_BOUNDS) + 1)
