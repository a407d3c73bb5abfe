"""Plots: round numbers on the axes, every point where it belongs, valid XML."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from bench.figure import Curve
from bench.plot import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, Axis, decades, steps, svg

SVG = "{http://www.w3.org/2000/svg}"
CURVE = Curve(
    "cpu", "CPU & checks", "reals", "us", {"ours": ((100, 0), (10_000, 100)), "<theirs>": ((1_000, 50),)}, log_x=True
)


def drawn() -> ET.Element:
    return ET.fromstring(svg(CURVE))  # noqa: S314 - our own words


@pytest.mark.parametrize(
    ("greatest", "ticks"),
    [
        (10, (0, 2, 4, 6, 8, 10)),
        (0.9, (0, 0.2, 0.4, 0.6, 0.8, 1)),
        (61, (0, 20, 40, 60, 80)),
        (12.5, (0, 2.5, 5, 7.5, 10, 12.5)),
        (0, (0, 1)),
    ],
)
def test_steps_are_round(greatest: float, ticks: tuple[float, ...]) -> None:
    assert steps(greatest) == pytest.approx(ticks)


def test_decades_enclose() -> None:
    assert decades(100, 10_000) == (100, 1_000, 10_000)
    assert decades(150, 9_000) == (100, 1_000, 10_000)
    assert decades(100, 100) == (100, 1_000)


def test_an_axis_runs_from_its_first_to_its_last_tick() -> None:
    assert [Axis((0, 5, 10), 300, 100).place(value) for value in (0, 5, 10)] == [300, 200, 100]
    assert [Axis((1, 10, 100), 0, 50, log=True).place(value) for value in (1, 10, 100)] == [0, 25, 50]


def test_points_lie_where_their_values_are() -> None:
    dots = [dot for dot in drawn().iter(f"{SVG}circle") if dot.get("r") == "3"]
    bottom, middle = HEIGHT - BOTTOM, (TOP + HEIGHT - BOTTOM) / 2
    assert [(float(dot.attrib["cx"]), float(dot.attrib["cy"])) for dot in dots] == [
        (LEFT, bottom),
        (WIDTH - RIGHT, TOP),
        ((LEFT + WIDTH - RIGHT) / 2, middle),
    ]


def test_words_are_escaped() -> None:
    texts = [text.text for text in drawn().iter(f"{SVG}text")]
    assert {"CPU & checks", "<theirs>", "10,000", "reals"} <= set(texts)


def test_the_same_curve_is_the_same_drawing() -> None:
    assert svg(CURVE) == svg(CURVE)
