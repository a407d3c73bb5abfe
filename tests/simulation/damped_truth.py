"""When a server may be in although it is bad, or out although it is good: ``panic`` and ``flapthreshold``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ldirectord_py.damping import MIN_CALM_TIME
from ldirectord_py.ipvs.table import DestinationKey
from simulation.site import RealSpec, VirtualSpec

if TYPE_CHECKING:
    from simulation.truth import Truth
    from simulation.world import World


class DampedTruth:
    """Looks at virtuals that do not simply follow their checks."""

    def __init__(self, world: World, truth: Truth) -> None:
        self.world = world
        self._truth = truth

    def may_stay_out(self, virtual: VirtualSpec, real: RealSpec, key: DestinationKey) -> bool:
        """Return whether a good server may be out: it flaps, as an event has told, and others are in."""
        director, damping = self.world.process.director, self.world.checks.damping
        if director is None or key not in damping.flapping | damping.restored:
            return False
        if self._truth.settled(virtual, real, virtual.damping.window + self._round(real)) is not None:
            return False
        return any(director.health[other].up for other in self._ready(virtual) if other != key)

    def may_stay_in(self, virtual: VirtualSpec, real: RealSpec, key: DestinationKey) -> bool:
        """Return whether a bad server may be in: too few others are good, or they were until it failed last."""
        panic = virtual.damping.panic
        if self._truth.settled(virtual, real, self._round(real)) is None:
            return True
        ready = self._ready(virtual)
        return key in ready and self._good(virtual, ready) * 100 < panic * len(ready)

    def look(self, virtual: VirtualSpec) -> None:
        """Check that events tell of a panic if, and only if, bad servers are in."""
        world, director = self.world, self.world.process.director
        if director is None or not virtual.damping.panic or len(self._ready(virtual)) < len(virtual.keys):
            return
        calm = max(MIN_CALM_TIME, (virtual.fall + 1) * world.operator.site.interval)
        truths = [self._truth.settled(virtual, real, self._whole_time(virtual, real) + calm) for real in virtual.reals]
        if None in truths:
            return
        bad_in = any(director.health[key].up and not good for key, good in zip(virtual.keys, truths, strict=True))
        told = virtual.key in world.checks.damping.panicking
        world.checks.counts["panic"] += 1
        if told is not bad_in:
            word = "panics" if told else "does not panic"
            world.checks.fail(
                "I9", f"{virtual.id} {word}, as events tell, but bad servers are {'in' if bad_in else 'out'}"
            )

    def _good(self, virtual: VirtualSpec, ready: list[DestinationKey]) -> int:
        """Return how many of these servers are up by their checks for certain, and were when bad ones failed last."""
        return sum(
            self._truth.settled(virtual, real, self._whole_time(virtual, real)) is True
            for real, key in zip(virtual.reals, virtual.keys, strict=True)
            if key in ready
        )

    def _whole_time(self, virtual: VirtualSpec, real: RealSpec) -> float:
        return virtual.damping.window + 2 * self._round(real)

    def _round(self, real: RealSpec) -> float:
        """Return the longest time from one verdict on a server to the next."""
        server = self.world.network.servers[real.server]
        return server.max_interval + server.timeout

    def _ready(self, virtual: VirtualSpec) -> list[DestinationKey]:
        return [key for key in virtual.keys if key not in self.world.operator.administered]
