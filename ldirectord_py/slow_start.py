"""How the weight of a server rises after a recovery (``slowstart``): from a tenth to the whole, a tenth at a time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from ldirectord_py.ipvs.table import DestinationKey

WHOLE: Final = 10
"""Tenths of a whole weight."""

Tenths = Mapping[DestinationKey, int]
"""How many tenths of its weight each server has that rises, by its ``real_key``; all others have the whole."""

ALL_WHOLE: Final[Tenths] = {}

_EARLY: Final = 0.001
"""The share of a step by which it may begin early: the clock may be rounded."""


class Ramp(NamedTuple):
    """The rise of a weight from a tenth at ``begin`` to the whole ``seconds`` later; times are of any clock."""

    begin: float
    seconds: float

    def tenths(self, now: float) -> int:
        """Return how many tenths of its weight the server has: from 1 to WHOLE."""
        steps = (now - self.begin) / self._step + _EARLY
        return min(WHOLE, 1 + int(max(0.0, steps)))

    def until(self, tenths: int) -> float:
        """Return until when the server has so many tenths."""
        return self.begin + tenths * self._step

    @property
    def _step(self) -> float:
        return self.seconds / (WHOLE - 1)


def partial_weight(weight: int, tenths: int) -> int:
    """Return so many tenths of a weight, but at least 1 unless the weight is 0."""
    return max(1, weight * tenths // WHOLE) if weight else 0
