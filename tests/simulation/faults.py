"""The fault points: each is drawn by the seed, begins at its time, and ends by itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Final

from simulation.site import SiteSpec

if TYPE_CHECKING:
    from simulation.world import World


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault ``at`` so many seconds from the beginning, for ``seconds``.

    ``target`` is what it is done to, ``value`` how; what these mean depends on the ``point``.
    """

    point: str
    at: float
    seconds: float
    target: int = 0
    value: float = 0.0

    def begin(self, world: World) -> None:
        """Let the fault happen, and end."""
        world.trace("fault", self)
        POINTS[self.point](world, self)


Inject = Callable[["World", Fault], None]

POINTS: Final[dict[str, Inject]] = {}
"""What each fault point does."""


def point(*names: str) -> Callable[[Inject], Inject]:
    """Add a function as what these fault points do."""

    def add(inject: Inject) -> Inject:
        POINTS.update(dict.fromkeys(names, inject))
        return inject

    return add


def drawn_faults(draw: Random, site: SiteSpec, length: float, mean: float = 7.0) -> tuple[Fault, ...]:
    """Return a mix of faults: first a few points are drawn, then when each of them happens."""
    names = sorted(POINTS)
    mix = draw.sample(names, min(len(names), 1 + int(draw.expovariate(1 / mean))))
    faults = [_drawn(draw, draw.choice(mix), length) for _ in range(draw.randint(len(mix), 3 * len(mix)))]
    return tuple(sorted(faults, key=lambda fault: fault.at))


def _drawn(draw: Random, name: str, length: float) -> Fault:
    at = round(draw.uniform(0.0, length), 3)
    seconds = round(min(draw.expovariate(1 / 12), length - at), 3)
    return Fault(name, at, seconds, draw.randrange(1000), round(draw.random(), 6))
