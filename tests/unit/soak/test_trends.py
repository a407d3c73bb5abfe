"""A measure grows if it certainly grows by more than is allowed."""

from __future__ import annotations

import random

import pytest

from soak.slopes import Point
from soak.trends import Finding, Trend, by_cycle, late_percentile, level_trend, table


def cycles(slope: float, noise: float, count: int = 27) -> list[Point]:
    """Return points of 20 s around a line of ``slope`` units per hour."""
    draw = random.Random(1)  # noqa: S311
    return [(20.0 * each, 100 + slope * each / 180 + draw.gauss(0, noise)) for each in range(count)]


@pytest.mark.parametrize(
    ("slope", "noise", "finding"),
    [
        (0.0, 0.0, Finding.FLAT),
        (-50.0, 0.01, Finding.FLAT),
        (4.0, 0.001, Finding.FLAT),
        (0.0, 5.0, Finding.WITHIN_NOISE),
        (20.0, 5.0, Finding.WITHIN_NOISE),
        (20.0, 0.1, Finding.GROWS),
        (6.0, 0.001, Finding.GROWS),
        (200.0, 5.0, Finding.GROWS),
    ],
)
def test_five_percent_an_hour_are_allowed_and_what_noise_may_be(slope: float, noise: float, finding: Finding) -> None:
    assert level_trend("tasks", "", cycles(slope, noise)).finding is finding


def test_what_stays_at_none_does_not_grow() -> None:
    assert level_trend("processes", "", [(20.0 * each, 0.0) for each in range(9)]).finding is Finding.FLAT


def test_a_point_is_what_one_cycle_was() -> None:
    samples = [(float(at), float(at % 10)) for at in range(95, 136)]
    assert by_cycle(samples, 100.0, 10.0) == [(105.0, 4.5), (115.0, 4.5), (125.0, 4.5)]
    assert by_cycle(samples, 100.0, 10.0, max) == [(105.0, 9.0), (115.0, 9.0), (125.0, 9.0)]


def test_the_percentile_leaves_one_in_a_hundred_aside() -> None:
    assert late_percentile([float(each) for each in range(200)]) == 198.0
    assert late_percentile([7.0]) == 7.0


def test_the_table_says_what_grows() -> None:
    lines = table([Trend("RSS", "MB", cycles(200, 0.1), 5.0), Trend("tasks", "", cycles(0, 0), 5.0)]).splitlines()
    assert lines[0].split() == ["measure", "unit", "first", "last", "slope/h", "99", "%", "interval", "allowed/h"]
    assert lines[1].startswith("RSS")
    assert lines[1].endswith("GROWS")
    assert lines[2].split() == ["tasks", "100.00", "100.00", "+0.00", "+0.00", "..", "+0.00", "+5.00", "flat"]
