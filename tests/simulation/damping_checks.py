"""The rules of ``flapthreshold`` and ``panic``, held against each event: who flaps and stays out, how many stay in."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

from ldirectord_py.config.model import Virtual
from ldirectord_py.daemon.reconciler.compiled_config import CompiledVirtual
from ldirectord_py.health import HealthState
from ldirectord_py.ipvs.table import DestinationKey, ServiceKey
from ldirectord_py.report.events import Administered, Checked, ConfigInForce, Event, Flapping, Panic, Phase, Written
from simulation.clock import CLOCK
from simulation.conversation import MARGIN, Told

if TYPE_CHECKING:
    from simulation.world import World

DOWN = HealthState()


class Share(NamedTuple):
    """How many servers of a virtual were ``up`` at the last look, of a configuration and of what operators had done."""

    virtual: CompiledVirtual
    administered: frozenset[DestinationKey]
    up: int


class DampingChecks:
    """Its state: which servers flap and which virtuals panic, as events tell; when each server came up or went down.

    ``kept``: the servers that panic keeps in; ``restored``: those that may flap since an earlier process, or since they
    left the file; ``unexplained``: what has to be explained by the next events.
    """

    def __init__(self, world: World) -> None:
        self.world = world
        self.restored: set[DestinationKey] = set()
        self.flapping: set[DestinationKey] = set()
        self._changes: defaultdict[DestinationKey, list[float]] = defaultdict(list)
        self.reset()

    def reset(self) -> None:
        """Forget everything, as a process does that starts; it may find in its file who flapped."""
        self.restored |= self.flapping | self._changes.keys()
        self.flapping.clear()
        self._changes.clear()
        self.panicking: set[ServiceKey] = set()
        self.kept: set[DestinationKey] = set()
        self.unexplained: dict[DestinationKey, str] = {}
        self._shares: dict[ServiceKey, Share] = {}
        self._departed: set[DestinationKey] = set()

    def on_event(self, event: Event) -> None:
        """Check an event of the director."""
        match event:
            case Checked():
                self._on_checked(event)
            case Flapping():
                self._on_flapping(event)
            case Panic():
                self._on_panic(event)
            case Administered(virtual=virtual):
                self._shares.pop(virtual.key, None)
            case Written():
                self._drop_released()
            case ConfigInForce():
                self._forget()

    def look(self) -> None:
        """Check that nothing is left that had to be explained, and each share."""
        for key, what in self.unexplained.items():
            self._fail("flapping", f"{key.endpoint} {what}")
        if (director := self.world.process.director) is None:
            return
        self._drop_released()
        for service, compiled in director.compiled.virtuals.items():
            if compiled.virtual.panic is not None:
                self._look_at_share(service)

    def _on_checked(self, event: Checked) -> None:
        step, virtual = event.transition, event.virtual
        key = DestinationKey(virtual.key, event.real.server, event.real.port)
        if virtual.panic is not None:
            self._look_at_share(virtual.key)
        if not (step.rose or step.fell):
            return
        was_kept = key in self.kept
        self.kept.discard(key)
        if step.fell and self._health(key).up:
            self.kept.add(key)
        if virtual.flapthreshold is None:
            return
        self.world.checks.counts["flapping"] += 1
        if key in self.flapping:
            if step.rose and not was_kept and self._is_needless(virtual, key):
                self.unexplained[key] = "flaps and came in although others are up"
        elif event.phase is Phase.RUN and key not in self.restored:
            self._changes[key].append(CLOCK.now)
            if len(self._recent(virtual, key)) >= virtual.flapthreshold:
                self.unexplained[key] = f"changed {virtual.flapthreshold} times, and no event tells that it flaps"

    def _on_flapping(self, event: Flapping) -> None:
        virtual = event.virtual
        key = DestinationKey(virtual.key, event.real.server, event.real.port)
        self.unexplained.pop(key, None)
        was_restored = key in self.restored
        self.restored.discard(key)
        if event.over:
            if not was_restored:
                self._check_end(virtual, key)
            self.flapping.discard(key)
            self._changes.pop(key, None)
            return
        recent = self._recent(virtual, key)
        told = bool(recent) and recent[-1] == CLOCK.now
        changes = len(recent) + (not told)  # no event tells of a server that stays out that it came up
        if changes < (virtual.flapthreshold or 0) and not was_restored:
            self._fail("flapping", f"{key.endpoint} flaps after {len(recent)} changes")
        if key in self.flapping:
            self._fail("I9", f"{key.endpoint} flaps, which was told already")
        self.flapping.add(key)

    def _check_end(self, virtual: Virtual, key: DestinationKey) -> None:
        """Check that a server which flaps no more was good for a whole window, unless nothing is damped any more."""
        if key not in self.flapping:
            self._fail("I9", f"{key.endpoint} flaps no more, which it did not")
        server = self.world.network.servers[str(key.address), key.port]
        if virtual.flapthreshold is None or server.is_doubtful:
            return
        failures, since = 0, max(CLOCK.now - virtual.flapwindow + MARGIN, self.world.undisturbed_since)
        for each in server.attempts:
            failures = failures + 1 if each.begin > since and each.told is Told.BAD else 0
            if failures >= virtual.failurecount:
                self._fail("flapping", f"{key.endpoint} was not good for {virtual.flapwindow:g} s, but is let in")
                return

    def _recent(self, virtual: Virtual, key: DestinationKey) -> list[float]:
        recent = [at for at in self._changes[key] if CLOCK.now - at < virtual.flapwindow]
        self._changes[key] = recent
        return recent

    def _is_needless(self, virtual: Virtual, key: DestinationKey) -> bool:
        """Return whether enough others of its virtual are up, so that a server that flaps has to stay out."""
        ready = [each for each in self._keys(virtual.key) if each != key]
        up = [each for each in ready if self._health(each).up and each not in self.kept]
        if virtual.panic is not None:
            return bool(up) and len(up) * 100 >= virtual.panic * (len(ready) + 1)
        return any(each not in self.flapping | self.restored for each in up)

    def _look_at_share(self, service: ServiceKey) -> None:
        """Check that a virtual whose servers go down keeps the share of ``panic`` (I8)."""
        director = self.world.process.director
        if director is None or (compiled := director.compiled.virtuals.get(service)) is None:
            return
        keys = self._keys(service)
        up, before = sum(self._health(key).up for key in keys), self._shares.get(service)
        administered = frozenset(compiled.reals.keys() - set(keys))
        self._shares[service] = Share(compiled, administered, up)
        if before is None or before.virtual is not compiled or before.administered != administered:
            return
        self.world.checks.counts["panic"] += 1
        if up < before.up and up * 100 < (compiled.virtual.panic or 0) * len(keys):
            self._fail("I8", f"of {len(keys)} servers of {compiled.virtual.id} {up} stay in, before {before.up}")

    def _on_panic(self, event: Panic) -> None:
        service, panic = event.virtual.key, event.virtual.panic
        too_few = panic is not None and event.good * 100 < panic * event.total
        if event.began is (service in self.panicking):
            self._fail("I9", f"the panic of {event.virtual.id} {'begins' if event.began else 'ends'} twice")
        if event.began and not too_few:
            self._fail("I9", f"{event.virtual.id} panics with {event.good} of {event.total} good servers")
        (self.panicking.add if event.began else self.panicking.discard)(service)

    def _forget(self) -> None:
        """Forget the servers that the configuration in force does not have, or does not damp."""
        assert self.world.process.director is not None
        virtuals = self.world.process.director.compiled.virtuals
        self._drop_released()
        self.panicking &= virtuals.keys()
        damped = {key for each in virtuals.values() if each.virtual.flapthreshold is not None for key in each.reals}
        self._departed |= (self.flapping | self.restored | self._changes.keys()) - damped
        self.flapping &= damped
        self.restored = (self.restored | self._departed) & damped
        self._departed -= damped
        self.unexplained = {key: what for key, what in self.unexplained.items() if key in damped}
        for key in [key for key in self._changes if key not in damped]:
            del self._changes[key]

    def _drop_released(self) -> None:
        """Forget the servers that panic keeps in no more, of which no event tells."""
        self.kept = {key for key in self.kept if self._health(key).up}

    def _keys(self, service: ServiceKey) -> list[DestinationKey]:
        """Return the servers of a virtual that are neither drained nor disabled."""
        director = self.world.process.director
        assert director is not None
        return [key for key in director.compiled.virtuals[service].reals if key not in director.administered]

    def _health(self, key: DestinationKey) -> HealthState:
        director = self.world.process.director
        return director.health.get(key, DOWN) if director else DOWN

    def _fail(self, invariant: str, what: str) -> None:
        self.world.checks.fail(invariant, what)
