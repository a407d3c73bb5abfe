"""The result of a benchmark: figures, each with all its runs, and curves for the plots.

A benchmark is a module beside this one with a function ``measure(runs: int) -> Outcome`` and a row in
``benchmarks.py``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from statistics import median
from typing import Any, Self

Point = tuple[float, float]


class Kind(StrEnum):
    """What a target bounds."""

    RATIO = "ratio at most"
    VALUE = "value at most"


@dataclass(frozen=True, slots=True)
class Target:
    """What is to be reached: the words for the page, and the number that decides."""

    kind: Kind
    limit: float
    text: str


def ratio_at_most(limit: float, text: str = "") -> Target:
    """Return the target that ours is at most ``limit`` times the peer's; ``text`` may say it in better words."""
    return Target(Kind.RATIO, limit, text or f"at most {limit:g} times")


def value_at_most(limit: float, unit: str, text: str = "") -> Target:
    """Return the target that ours is at most ``limit``, in the figure's unit."""
    return Target(Kind.VALUE, limit, text or f"at most {limit:g} {unit}")


@dataclass(frozen=True, slots=True)
class Spread:
    """The median of several runs, and the least and the greatest of them."""

    median: float
    least: float
    greatest: float

    @classmethod
    def over(cls, runs: tuple[float, ...]) -> Self:
        """Return the spread of at least one run."""
        return cls(median(runs), min(runs), max(runs))


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the page: what was measured, ours and a peer's, run by run; run i of both was taken together.

    ``peer`` is who ``theirs`` was taken from: a program, "the kernel's send", "100 reals". Where the figure stands for
    itself they are "" and None. ``target`` is None where nothing is to be reached.
    """

    what: str
    unit: str
    ours: tuple[float, ...]
    theirs: tuple[float, ...] | None = None
    peer: str = ""
    target: Target | None = None

    def __post_init__(self) -> None:
        if not self.ours or (self.theirs is not None and len(self.theirs) != len(self.ours)):
            raise ValueError(f"{self.what}: as many runs of theirs as of ours, and at least one")
        if self.theirs is None and self.target is not None and self.target.kind is Kind.RATIO:
            raise ValueError(f"{self.what}: a ratio needs a peer")

    @property
    def our_spread(self) -> Spread:
        """Our runs, in ``unit``."""
        return Spread.over(self.ours)

    @property
    def their_spread(self) -> Spread | None:
        """The peer's runs, in ``unit``."""
        return None if self.theirs is None else Spread.over(self.theirs)

    @property
    def ratio(self) -> Spread | None:
        """Ours over theirs, run by run."""
        if self.theirs is None:
            return None
        return Spread.over(tuple(ours / theirs for ours, theirs in zip(self.ours, self.theirs, strict=True)))

    @property
    def reached(self) -> bool | None:
        """Whether the median is within the target; None without one."""
        if self.target is None:
            return None
        judged = self.our_spread if self.target.kind is Kind.VALUE else self.ratio
        return judged is not None and judged.median <= self.target.limit


@dataclass(frozen=True, slots=True)
class Curve:
    """One plot: ``name`` is its file's, without ``.svg``; ``series`` has the points of each line, x rising."""

    name: str
    title: str
    x_label: str
    y_label: str
    series: Mapping[str, tuple[Point, ...]]
    log_x: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """All that one benchmark found; ``notes`` are sentences about this run that the page shows below its table."""

    figures: tuple[Figure, ...]
    curves: tuple[Curve, ...] = ()
    notes: tuple[str, ...] = ()
    host: Mapping[str, str] = field(default_factory=dict)
    """Where it was measured, and with which versions; filled in by the frame."""

    def as_json(self) -> dict[str, Any]:
        """Return the outcome as JSON has it."""
        return asdict(self)

    @classmethod
    def of_json(cls, data: Mapping[str, Any]) -> Outcome:
        """Return the outcome that ``as_json`` was made of, also after a way through text."""
        curves = (_curve(curve) for curve in data["curves"])
        return cls(tuple(map(_figure, data["figures"])), tuple(curves), tuple(data["notes"]), dict(data["host"]))


def _figure(data: Mapping[str, Any]) -> Figure:
    theirs, target = data["theirs"], data["target"]
    read: dict[str, Any] = {
        "ours": tuple(data["ours"]),
        "theirs": None if theirs is None else tuple(theirs),
        "target": None if target is None else Target(Kind(target["kind"]), target["limit"], target["text"]),
    }
    return Figure(**{**data, **read})


def _curve(data: Mapping[str, Any]) -> Curve:
    series = {name: tuple((x, y) for x, y in points) for name, points in data["series"].items()}
    return Curve(**{**data, "series": series})
