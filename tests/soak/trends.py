"""What is measured in a soak, and when it grows.

A soak repeats a cycle of reloads and faults. A point is what a measure was in one cycle: the mean, or the 99th
percentile of the lag. A measure **grows** if its slope, with CONFIDENCE, is above what is allowed. Smaller growth, or
growth hidden in the noise, passes; the interval in the table shows how much may be hidden.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import fmean, median
from typing import Final

from soak.slopes import Point, Slope, robust_slope

HOUR: Final = 3600.0

MAX_GROWTH: Final = 0.05
"""The share of a measure's level by which it may grow in an hour."""

MAX_LAG_GROWTH: Final = 5.0
"""Milliseconds by which the lag may grow in an hour."""


class Finding(StrEnum):
    """What a run says of a measure: less than allowed, for certain; perhaps; more, for certain."""

    FLAT = "flat"
    WITHIN_NOISE = "within noise"
    GROWS = "GROWS"


@dataclass(frozen=True, slots=True)
class Trend:
    """A measure in its unit, by cycles; how much it may grow in an hour."""

    name: str
    unit: str
    points: Sequence[Point]
    allowed: float

    @property
    def slope(self) -> Slope:
        """The slope, in units per hour."""
        return Slope(*(HOUR * each for each in robust_slope(self.points)))

    @property
    def finding(self) -> Finding:
        """Whether it grows."""
        _, low, high = self.slope
        if low > self.allowed:
            return Finding.GROWS
        return Finding.FLAT if high <= self.allowed else Finding.WITHIN_NOISE


def level_trend(name: str, unit: str, points: Sequence[Point]) -> Trend:
    """Return the trend of what may grow by MAX_GROWTH."""
    return Trend(name, unit, points, MAX_GROWTH * median(value for _, value in points))


def by_cycle(
    samples: Iterable[Point], since: float, cycle: float, summarize: Callable[[Sequence[float]], float] = fmean
) -> list[Point]:
    """Return a point for each cycle since a moment; samples before it, and after the last whole cycle, are left out."""
    values = defaultdict[int, list[float]](list)
    last = since
    for at, value in samples:
        values[int((at - since) // cycle)].append(value)
        last = max(last, at)
    return [
        (since + (number + 0.5) * cycle, summarize(found))
        for number, found in sorted(values.items())
        if 0 <= number < (last - since) // cycle
    ]


def late_percentile(values: Sequence[float]) -> float:
    """Return the 99th percentile."""
    return sorted(values)[min(len(values) - 1, len(values) * 99 // 100)]


def table(trends: Sequence[Trend]) -> str:
    """Return the table that is printed."""
    head = ("measure", "unit", "first", "last", "slope/h", "99 % interval", "allowed/h", "")
    rows = [head, *map(_row, trends)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)


def _row(trend: Trend) -> tuple[str, ...]:
    estimate, low, high = trend.slope
    values = [value for _, value in trend.points]
    return (
        *(trend.name, trend.unit, f"{values[0]:.2f}", f"{values[-1]:.2f}", f"{estimate:+.2f}"),
        *(f"{low:+.2f} .. {high:+.2f}", f"{trend.allowed:+.2f}", trend.finding),
    )
