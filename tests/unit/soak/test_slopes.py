"""The slope of points, which outliers do not move, and its interval of confidence."""

from __future__ import annotations

import math
import random

import pytest

from soak.slopes import Point, robust_slope


def noisy(seed: int, slope: float, count: int = 27) -> list[Point]:
    """Return points around a line."""
    draw = random.Random(seed)  # noqa: S311
    return [(20.0 * number, 50 + slope * 20 * number + draw.gauss(0, 1)) for number in range(count)]


def test_a_line_is_known_exactly() -> None:
    assert robust_slope([(at, 3.0 * at) for at in range(12)]) == (3.0, 3.0, 3.0)


def test_outliers_do_not_move_it() -> None:
    points = [(float(at), 2.0 * at) for at in range(20)]
    points[3], points[11], points[19] = (3.0, 900.0), (11.0, -500.0), (19.0, 1e6)
    assert robust_slope(points).estimate == pytest.approx(2.0)


@pytest.mark.parametrize("slope", [0.0, 0.05, -0.02])
def test_the_interval_has_the_true_slope_nearly_always(slope: float) -> None:
    found = [robust_slope(noisy(seed, slope)) for seed in range(300)]
    assert sum(low <= slope <= high for _, low, high in found) >= 290
    assert all(low <= estimate <= high for estimate, low, high in found)


def test_a_few_points_say_nothing() -> None:
    assert robust_slope([(0.0, 1.0), (1.0, 2.0), (2.0, 3.0), (3.0, 4.0)]) == (1.0, -math.inf, math.inf)
