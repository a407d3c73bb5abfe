"""A curve as SVG: axes with round numbers, a line with its points for each series, a legend."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

from bench.figure import Curve, Point

WIDTH, HEIGHT = 640, 400
LEFT, RIGHT, TOP, BOTTOM = 72, 32, 64, 48
COLOURS = ("#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#ff7f0e", "#8c564b")
TICKS = 5


@dataclass(frozen=True, slots=True)
class Axis:
    """Where values lie between ``start`` and ``end``, in pixels; ``ticks`` are the values with a number."""

    ticks: tuple[float, ...]
    start: float
    end: float
    log: bool = False

    def place(self, value: float) -> float:
        """Return the pixel of a value; the first tick lies at the start, the last at the end."""
        low, high, here = (self._scaled(v) for v in (self.ticks[0], self.ticks[-1], value))
        return self.start + (here - low) / (high - low) * (self.end - self.start)

    def _scaled(self, value: float) -> float:
        return math.log10(value) if self.log else value


def svg(curve: Curve) -> str:
    """Return the drawing, which is the same for the same curve."""
    points = [point for line in curve.series.values() for point in line]
    xs = [x for x, _ in points]
    x_ticks = decades(min(xs), max(xs)) if curve.log_x else steps(max(xs))
    x_axis = Axis(x_ticks, LEFT, WIDTH - RIGHT, curve.log_x)
    y_axis = Axis(steps(max(y for _, y in points)), HEIGHT - BOTTOM, TOP)
    font = 'font-family="sans-serif" font-size="12" fill="#333"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" {font}>',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
        _text(WIDTH / 2, 20, curve.title, "middle", ' font-size="14"'),
        *(_across(y_axis, value) for value in y_axis.ticks),
        *(_up(x_axis, value) for value in x_axis.ticks),
        _text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 10, curve.x_label, "middle"),
        _text(0, 0, curve.y_label, "middle", f' transform="translate(16 {(TOP + HEIGHT - BOTTOM) / 2:g}) rotate(-90)"'),
    ]
    for number, (name, line) in enumerate(curve.series.items()):
        colour = COLOURS[number % len(COLOURS)]
        parts += _line([(x_axis.place(x), y_axis.place(y)) for x, y in line], colour)
        parts += _legend(LEFT + number * (WIDTH - LEFT - RIGHT) / len(curve.series), name, colour)
    return "\n".join((*parts, "</svg>", ""))


def steps(greatest: float) -> tuple[float, ...]:
    """Return round numbers from 0 to at least ``greatest``, some five of them."""
    if greatest <= 0:
        return (0.0, 1.0)
    rough = greatest / TICKS
    magnitude = 10.0 ** math.floor(math.log10(rough))
    step = next(size * magnitude for size in (1, 2, 2.5, 5, 10) if size * magnitude >= rough * (1 - 1e-9))
    return tuple(step * number for number in range(math.ceil(greatest / step - 1e-9) + 1))


def decades(least: float, greatest: float) -> tuple[float, ...]:
    """Return powers of ten, the least not above ``least``, the greatest not below ``greatest``."""
    first = math.floor(math.log10(least) + 1e-9)
    last = max(math.ceil(math.log10(greatest) - 1e-9), first + 1)
    return tuple(10.0**power for power in range(first, last + 1))


def _across(axis: Axis, value: float) -> str:
    y = axis.place(value)
    line = f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="#ddd"/>'
    return line + _text(LEFT - 8, y + 4, f"{value:,g}", "end")


def _up(axis: Axis, value: float) -> str:
    x = axis.place(value)
    line = f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}" stroke="#eee"/>'
    return line + _text(x, HEIGHT - BOTTOM + 18, f"{value:,g}", "middle")


def _line(pixels: Sequence[Point], colour: str) -> list[str]:
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in pixels)
    dots = [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in pixels]
    return [f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>', *dots]


def _legend(x: float, name: str, colour: str) -> list[str]:
    y = TOP - 20
    return [f'<circle cx="{x + 4:.1f}" cy="{y}" r="4" fill="{colour}"/>', _text(x + 14, y + 4, name, "start")]


def _text(x: float, y: float, words: str, anchor: str, more: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{more}>{escape(words)}</text>'
