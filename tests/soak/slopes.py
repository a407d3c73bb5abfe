"""The slope of a measurement over time, and within which limits it is known.

The estimate is Theil's and Sen's: the median of the slopes between all pairs of points, which a quarter of outliers
does not move. Its interval of confidence is Sen's (1968), by the ranks of these slopes. It supposes nothing of the
distribution, but that points are independent: so points are whole cycles of the load, not samples.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations
from statistics import NormalDist, median
from typing import Final, NamedTuple

Point = tuple[float, float]
"""A time and a value."""

CONFIDENCE: Final = 0.99
"""How probable it is that the slope is between ``low`` and ``high``."""


class Slope(NamedTuple):
    """The slope in units per second; few points leave the limits infinite."""

    estimate: float
    low: float
    high: float


def robust_slope(points: Sequence[Point]) -> Slope:
    """Return the slope of points at different times, at least two."""
    slopes = sorted((after[1] - before[1]) / (after[0] - before[0]) for before, after in combinations(points, 2))
    count = len(points)
    deviation = math.sqrt(count * (count - 1) * (2 * count + 5) / 18)  # of Kendall's statistic
    width = NormalDist().inv_cdf((1 + CONFIDENCE) / 2) * deviation
    low, high = math.floor((len(slopes) - width) / 2), math.ceil((len(slopes) + width) / 2)
    return Slope(
        median(slopes),
        slopes[low - 1] if low >= 1 else -math.inf,
        slopes[high] if high < len(slopes) else math.inf,
    )
