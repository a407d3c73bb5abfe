"""The rows of servers that left the file: how long they may stay, and have to, by rules of its own (F29, F41)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Final

from ldirectord_py.ipvs.diff import Op, Verb
from ldirectord_py.ipvs.table import Destination, DestinationKey
from simulation.checks import WRITE_TIME
from simulation.clock import CLOCK

if TYPE_CHECKING:
    from simulation.site import VirtualSpec
    from simulation.world import World

COUNT_TIME: Final = 12.0
"""Seconds in which a row goes that has no connections: they are counted every ten."""

LONG: Final = 600.0
"""Seconds for which the rows of names that moved may stay, and those of servers that an operator had drained."""


@dataclass(frozen=True, slots=True)
class _Left:
    """When a server left the file, when its connections end, and whether it was drained or its name has moved."""

    since: float
    connected_until: float
    drained: bool
    moved: bool


_UNKNOWN: Final = _Left(-math.inf, -math.inf, drained=False, moved=False)
"""Of a row that nobody has left, such as one that a former process did not end."""


class LeavingRows:
    """Its state: the servers that left the file, by the rows that they may leave behind."""

    def __init__(self, world: World, seed: str) -> None:
        self.world = world
        self._left: dict[DestinationKey, _Left] = {}
        self._luck = Random(f"{seed}/connections")

    def leave(self, key: DestinationKey, *, drained: bool, moved: bool) -> None:
        """Follow the row of a server that leaves; half of them have connections, for up to a minute."""
        seconds = self._luck.choice((0.0, self._luck.uniform(0.0, 60.0)))
        self._left[key] = left = _Left(CLOCK.now, CLOCK.now + seconds, drained, moved)
        if seconds:
            self.world.kernel.connected[key] = 1
            self.world.after(seconds, self._end_connections, key, left)

    def come_back(self, key: DestinationKey) -> None:
        """Follow a server no more that is in the file again."""
        if self._left.pop(key, None) is not None:
            self.world.kernel.connected.pop(key, None)

    def may_stay(self, virtual: VirtualSpec, row: Destination) -> bool:
        """Return whether a row may be there though the file has no server for it."""
        if row.weight:
            return False
        world, left = self.world, self._left.get(row.key, _UNKNOWN)
        since = max(world.started, world.undisturbed_since, world.operator.in_force_since, world.kernel_disturbed_until)
        since = max(since, left.since)
        others = left.drained or (left.moved and virtual.quiescent)
        longest = max(virtual.drain_removed, LONG if others else 0.0)
        return CLOCK.now < min(since + longest, max(since, left.connected_until) + COUNT_TIME) + WRITE_TIME

    def on_op(self, op: Op) -> None:
        """Check that no connection of a server is cut that left the file."""
        if op.verb is not Verb.DELETE or not isinstance(op.row, Destination) or op.row.key not in self._left:
            return
        left, world = self._left[op.row.key], self.world
        virtual = next((each for each in world.operator.site.virtuals if each.key == op.row.key.service), None)
        director = world.process.director
        if virtual is None or director is None or world.process.is_stopping:
            return
        if director.compiled.servers(op.row.key) or not world.kernel.connected.get(op.row.key):
            return  # it is in force until the next reload, and may be disabled
        world.checks.counts["I7"] += 1
        if CLOCK.now < left.since + virtual.drain_removed:
            world.checks.fail("I7", f"{op.row.key.endpoint} has left the file, and its connections are cut: {op}")

    def _end_connections(self, key: DestinationKey, left: _Left) -> None:
        if self._left.get(key) is left:
            self.world.kernel.connected.pop(key, None)
