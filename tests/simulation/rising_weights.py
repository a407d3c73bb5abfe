"""How far the weight of a server may have risen since its recovery (``slowstart``), by rules of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ldirectord_py.ipvs.table import Destination, DestinationKey
from ldirectord_py.report.events import Checked, ConfigInForce, Event
from simulation.clock import CLOCK

if TYPE_CHECKING:
    from simulation.site import VirtualSpec
    from simulation.world import World

STEP_TIME: Final = 1.0
"""Seconds until a step is written that is due."""

TENTH: Final = 0.1


class RisingWeights:
    """Its state, as events tell: the servers that have failed and are not back, since when the weight of others rises.

    Also those that had failed when they left the file: back again, they may rise (``drainremoved``) or be new ones
    (``unsure``). A process that starts knows of none.
    """

    def __init__(self, world: World) -> None:
        self.world = world
        self.reset()

    def reset(self) -> None:
        """Forget everything, as a process does that starts."""
        self._failed: set[DestinationKey] = set()
        self._since: dict[DestinationKey, float] = {}
        self._departed: set[DestinationKey] = set()
        self._unsure: set[DestinationKey] = set()

    def on_event(self, event: Event) -> None:
        """Follow an event of the director; to be called before the servers that panic keeps in are others."""
        match event:
            case Checked():
                self._on_checked(event)
            case ConfigInForce():
                self._forget()

    def allowed(self, virtual: VirtualSpec, want: Destination) -> range | None:
        """Return the weights that a row may have whose weight rises; None: it has to have the weight that is wanted."""
        if not virtual.slow_start or not want.weight:
            return None
        self.world.checks.counts["slowstart"] += 1
        since = self._since.get(want.key)
        if since is None or (elapsed := CLOCK.now - since) > virtual.slow_start + STEP_TIME:
            return None
        least = _share(elapsed - STEP_TIME, virtual.slow_start) - TENTH
        most = _share(elapsed, virtual.slow_start) + 0.001
        highest = want.weight if want.key in self._unsure else max(1, int(want.weight * most))
        return range(max(1, int(want.weight * least)), highest + 1)

    def _on_checked(self, event: Checked) -> None:
        step, virtual = event.transition, event.virtual
        key = DestinationKey(virtual.key, event.real.server, event.real.port)
        if step.after.up:
            failed = key in self._failed or key in self._departed
            rises = step.rose and failed and key not in self.world.checks.damping.kept
            if rises and virtual.slowstart is not None and event.real.weight > 1:
                self._since[key] = CLOCK.now
                self._unsure.discard(key)
                if key not in self._failed:
                    self._unsure.add(key)
            self._failed.discard(key)
            self._departed.discard(key)
            return
        if step.after.failures:
            self._failed.add(key)
        director = self.world.process.director
        is_kept = director is not None and key in director.health and director.health[key].up
        if not is_kept:
            self._since.pop(key, None)

    def _forget(self) -> None:
        """Forget the servers that the configuration in force does not have, or whose weight is whole now."""
        assert self.world.process.director is not None
        virtuals = self.world.process.director.compiled.virtuals
        reals = {key: each.virtual for each in virtuals.values() for key in each.reals}
        self._departed |= self._failed - reals.keys()
        self._failed &= reals.keys()
        self._since = {
            key: since for key, since in self._since.items() if key in reals and reals[key].slowstart is not None
        }


def _share(elapsed: float, seconds: float) -> float:
    """Return how much of its weight a server has that came back so long ago."""
    return TENTH + (1 - TENTH) * min(max(0.0, elapsed), seconds) / seconds
