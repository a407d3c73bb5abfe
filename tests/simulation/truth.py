"""The invariants of quiet moments: the table is what configuration, health and operators ask for, health is the truth.

A fault that lasts excuses only what it disturbs: the other servers are held to the truth all the time.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain
from operator import attrgetter
from typing import TYPE_CHECKING, Final

from ldirectord_py.health import HealthState
from ldirectord_py.ipvs.table import Destination, DestinationKey, Key, Row, Service, ServiceKey
from simulation.checks import WRITE_TIME
from simulation.clock import CLOCK
from simulation.damped_truth import DampedTruth
from simulation.site import UNDAMPED, RealSpec, VirtualSpec, expected

if TYPE_CHECKING:
    from simulation.world import World

WATCHDOG: Final = 20.0
"""Seconds of the watchdog of the simulated service manager (I10)."""

RELOAD_TIME: Final = 4.0
"""Seconds until a changed file is in force: two polls, and its reading."""

_UP: Final = attrgetter("up")
_OPEN: Final = attrgetter("open")


class Truth:
    """Looks at the director from outside.

    Its state: which servers of virtuals with ``panic`` were in at the last look; what the looks at the table and at the
    health depend on, as of the last ones: in a large site the next ones wait until something has changed.
    """

    def __init__(self, world: World) -> None:
        self.world = world
        self._damped = DampedTruth(world, self)
        self._kept_in: dict[DestinationKey, bool] = {}
        self._table_seen: tuple[float, int, float] | None = None
        self._health_seen: tuple[float, ...] | None = None

    def look(self) -> None:
        """Check what holds now."""
        process, now = self.world.process, CLOCK.now
        director = process.director
        if director is None or not process.is_ready or process.is_stopping or process.is_blocked:
            return
        self.world.workers.look()
        self.world.checks.damping.look()
        depends_on = self._health_depends_on(director.health)
        if depends_on != self._health_seen or not self.world.is_large:
            self._health_seen = depends_on if self._look_at_health(director.health) else None
        self._note_kept(director.health)
        changed = max(self.world.checks.last_change, self.world.undisturbed_since)
        in_force_since = self.world.operator.in_force_since
        if now - changed > WRITE_TIME and now > self.world.kernel_disturbed_until and now >= in_force_since:
            version = self.world.checks.last_change, self.world.kernel.changes, in_force_since
            if version != self._table_seen or not self.world.is_large:
                self._table_seen = version
                self._look_at_table()
        self._look_at_progress()

    def look_at_pool(self, service: ServiceKey) -> None:
        """Check that a virtual that has a good server serves (I8)."""
        world = self.world
        virtual = next((each for each in world.operator.site.virtuals if each.key == service), None)
        if virtual is None or CLOCK.now < max(world.kernel_disturbed_until, world.operator.in_force_since):
            return
        if not world.operator.edits.keys().isdisjoint(virtual.keys):
            return
        world.checks.counts["I8"] += 1
        rows = world.kernel.rows(service)
        if any(isinstance(row := rows.get(key), Destination) and row.weight for key in virtual.keys):
            return
        for real, key in zip(virtual.reals, virtual.keys, strict=True):
            if key not in world.operator.administered and self.settled(virtual, real):
                world.checks.fail("I8", f"{virtual.id} has no server, but {real.address} is good")

    def settled(self, virtual: VirtualSpec, real: RealSpec, more: float = 0.0) -> bool | None:
        """Return whether a server is good in truth; None until the director should know it for ``more`` seconds."""
        world = self.world
        server = world.network.servers[real.server]
        verdicts = virtual.rise if server.is_good else virtual.fall
        longest = max(server.max_interval, server.timeout)  # probes of a server that does not answer follow each other
        bound = (verdicts - 1) * longest + server.max_interval + server.timeout + 1.0 + more
        since = max(server.changed, world.undisturbed_since, world.operator.in_force_since, world.started)
        return server.is_good if CLOCK.now - since > bound else None

    def _health_depends_on(self, health: Mapping[DestinationKey, HealthState]) -> tuple[float, ...]:
        world = self.world
        since = world.undisturbed_since, world.operator.in_force_since, world.started
        up = sum(map(_UP, health.values()))
        return world.conduct_changes, world.checks.last_change, up, *since

    def _look_at_health(self, health: Mapping[DestinationKey, HealthState]) -> bool:
        """Check the health of each server; return whether all was known, so that nothing changes by itself."""
        world, is_settled = self.world, True
        for virtual in world.operator.site.virtuals:
            damped = virtual.damping != UNDAMPED
            for real, key in zip(virtual.reals, virtual.keys, strict=True):
                good = self.settled(virtual, real)
                if good is None:
                    is_settled = False
                    continue
                world.checks.counts["liveness"] += 1
                if (state := health.get(key)) is None:
                    world.checks.fail("liveness", f"{real.address} is in the file, but not in force")
                elif state.up is not good and not (damped and self._may_differ(virtual, real, key, good=good)):
                    word = "up" if state.up else "down"
                    world.checks.fail("liveness", f"{real.address} is {word}, in truth {_conduct(world, real)}")
            is_settled = is_settled and not damped
            if damped and health.keys() >= set(virtual.keys):
                self._damped.look(virtual)
        return is_settled

    def _may_differ(self, virtual: VirtualSpec, real: RealSpec, key: DestinationKey, *, good: bool) -> bool:
        """Return whether a server may be out though it is good, or in though it is bad."""
        return (self._damped.may_stay_out if good else self._damped.may_stay_in)(virtual, real, key)

    def _note_kept(self, health: Mapping[DestinationKey, HealthState]) -> None:
        """Let the table follow where panic keeps a server in no more, of which no event tells."""
        panicking = [virtual for virtual in self.world.operator.site.virtuals if virtual.damping.panic]
        kept = {key: health[key].up for virtual in panicking for key in virtual.keys if key in health}
        if kept != self._kept_in:
            self._kept_in, self.world.checks.last_change = kept, CLOCK.now

    def _look_at_table(self) -> None:
        """Check the whole table against the health that the director has."""
        world, checks = self.world, self.world.checks
        if (director := world.process.director) is None:
            return
        checks.counts["I1"] += 1
        for virtual in world.operator.site.virtuals:
            if any(key not in director.health for key in virtual.keys):
                continue  # the liveness of the reload is checked with the health
            wanted = expected(virtual, lambda key: director.health[key].up, world.operator.administered)
            self._compare(virtual, wanted, world.kernel.rows(virtual.key))
            self.look_at_pool(virtual.key)
        checks.counts["I5"] += 1
        for key, rows in world.operator.foreign.items():
            if world.kernel.rows(key) != rows:
                checks.fail("I5", f"a service of others has changed: {key}")
        ours = {virtual.key for virtual in world.operator.site.virtuals} | world.operator.left_over
        for key in world.kernel.services:
            if key not in ours and key not in world.operator.foreign:
                checks.fail("I1", f"a service stays that the configuration does not have: {key}")
        if checks.untold:
            checks.fail("I9", f"no event tells of {next(iter(checks.untold))}")

    def _compare(self, virtual: VirtualSpec, wanted: Mapping[Key, Row], found: Mapping[Key, Row]) -> None:
        edits = self.world.operator.edits
        for key in {**wanted, **found}:
            want, have = wanted.get(key), found.get(key)
            if self._is_wanted(virtual, want, have):
                continue
            if key in edits and edits[key] == (have.weight if isinstance(have, Destination) else None):
                continue  # set by hand
            if isinstance(have, Destination) and want is None and self.world.leaving.may_stay(virtual, have):
                continue
            self.world.checks.fail("I1", f"in {virtual.id} the kernel has {have}, not {want}")

    def _is_wanted(self, virtual: VirtualSpec, want: Row | None, have: Row | None) -> bool:
        """Return whether a row is as it should be, or has risen as far as it should have by now."""
        if isinstance(want, Service) and isinstance(have, Service):
            return want == have or _same(want, have)
        weights = self.world.checks.rising.allowed(virtual, want) if isinstance(want, Destination) else None
        if weights is None or not isinstance(have, Destination) or not isinstance(want, Destination):
            return want == have
        return have.weight in weights and have._replace(weight=want.weight) == want

    def _look_at_progress(self) -> None:
        checks = self.world.checks
        checks.counts["I10"] += 1
        silent = CLOCK.now - max(checks.last_watchdog_reset, self.world.undisturbed_since)
        if silent > WATCHDOG:
            checks.fail("I10", f"the watchdog was not reset for {silent:.0f} s")
        checks.counts["I4"] += 1
        for each in chain.from_iterable(map(_OPEN, self.world.network.servers.values())):
            assert each.server is not None
            if CLOCK.now - max(each.begin, self.world.undisturbed_since) > 2 * each.server.timeout + 2.0:
                checks.fail("I4", "a probe that does not end")


def _same(want: Service, have: Service) -> bool:
    return (want.key, want.scheduler, want.flags) == (have.key, have.scheduler, have.flags)


def _conduct(world: World, real: RealSpec) -> str:
    return world.network.servers[real.server].conduct.name.lower()
