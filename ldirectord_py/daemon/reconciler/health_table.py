"""The state of each real server, and the number of servers that are up in each virtual."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping
from collections.abc import Set as AbstractSet

from ldirectord_py.checks.base import Check, Result
from ldirectord_py.config.model import CheckType, Virtual
from ldirectord_py.daemon.reconciler.compiled_config import CompiledConfig, CompiledVirtual
from ldirectord_py.desired import Administration, is_up_at_start
from ldirectord_py.health import HealthState, Rules, Transition, Verdict
from ldirectord_py.ipvs.table import DestinationKey, Key, Row, ServiceKey

HealthStates = Mapping[DestinationKey, HealthState]

KernelRows = Callable[[ServiceKey], Mapping[Key, Row]]
"""Returns the rows that the kernel holds of a service."""

_UP, _DOWN = HealthState(up=True), HealthState()


class HealthTable:
    """Its state: the ``health`` of each real server, the number that are up of each virtual, and the virtuals.

    Servers of ``administration`` are drained or disabled and do not count as up.

    Counting at each verdict would take too long with 10,000 servers in one virtual.
    """

    def __init__(self) -> None:
        self.health: dict[DestinationKey, HealthState] = {}
        self.administration: Administration = {}
        self._up: Counter[ServiceKey] = Counter()
        self._virtuals: Mapping[ServiceKey, CompiledVirtual] = {}

    @property
    def up(self) -> int:
        """The number of real servers that are up, without those that are drained or disabled."""
        return self._up.total()

    @property
    def virtuals(self) -> Mapping[ServiceKey, CompiledVirtual]:
        """The virtuals whose servers are here."""
        return self._virtuals

    def virtual(self, service: ServiceKey) -> Virtual:
        """Return the virtual of a service; raises KeyError where there is none."""
        return self._virtuals[service].virtual

    def up_in(self, service: ServiceKey) -> int:
        """Return how many real servers of a virtual are up, without those that are drained or disabled."""
        return self._up[service]

    def all_down(self, service: ServiceKey) -> bool:
        """Return whether no real server of a virtual is up, except those that are drained or disabled."""
        return not self._up[service]

    def transition(self, key: DestinationKey, verdict: Verdict, rules: Rules) -> Transition | None:
        """Return how a verdict would change the state of a server, None if it would not."""
        before = self.health[key]
        after = before.after(verdict, rules)
        return None if after is before or after == before else Transition(before, after)

    def observe(self, key: DestinationKey, verdict: Verdict, rules: Rules) -> Transition | None:
        """Apply a verdict; return the transition, None if nothing changes."""
        step = self.transition(key, verdict, rules)
        if step is not None:
            self._set(key, step.after)
        return step

    def set_state(self, key: DestinationKey, state: HealthState) -> None:
        """Give a server another state."""
        self._set(key, state)

    def reset(self, key: DestinationKey) -> None:
        """Set a server to down, without counted verdicts."""
        self._set(key, HealthState())

    def set_administration(self, administration: Administration) -> None:
        """Drain or disable exactly these servers, which may be servers that only a later configuration has."""
        differing = [key for key in self.administration.keys() ^ administration.keys() if key in self.health]
        before = {key: self._counts(key, self.health[key]) for key in differing}
        self.administration = administration
        for key in differing:
            self._up[key.service] += self._counts(key, self.health[key]) - before[key]

    def replace_virtuals(
        self,
        virtuals: Mapping[ServiceKey, CompiledVirtual],
        maintained: AbstractSet[DestinationKey],
        initial_states: Callable[[AbstractSet[DestinationKey]], HealthStates],
    ) -> Collection[DestinationKey]:
        """Hold the servers of exactly these virtuals; those of changed virtuals keep their states or get initial ones.

        A server that needs no check any more gets a new state, unless it is in maintenance. Returns the servers of
        the changed virtuals.
        """
        former, self._virtuals = self._virtuals, virtuals
        gone = [virtual for key, virtual in former.items() if virtuals.get(key) is not virtual]
        before = {key: self._remove(key) for virtual in gone for key in virtual.reals}
        changed = [virtual for key, virtual in virtuals.items() if former.get(key) is not virtual]
        kept = {
            key: before[key]
            for virtual in changed
            for key in virtual.reals
            if before and key in before and (virtual.virtual.checktype is not CheckType.ON or key in maintained)
        }
        new = {key: None for virtual in changed for key in virtual.reals if key not in kept}
        states = kept | dict(initial_states(new.keys()))
        self.health |= states
        self._up.update(key.service for key, state in states.items() if self._counts(key, state))
        return states.keys()

    def _remove(self, key: DestinationKey) -> HealthState:
        state = self.health.pop(key)
        self._up[key.service] -= self._counts(key, state)
        return state

    def _set(self, key: DestinationKey, state: HealthState) -> None:
        before = self.health.get(key)
        self.health[key] = state
        self._up[key.service] += self._counts(key, state) - self._counts(key, before)

    def _counts(self, key: DestinationKey, state: HealthState | None) -> bool:
        return state is not None and state.up and key not in self.administration


def initial_states(
    compiled: CompiledConfig,
    results: Mapping[Check, Result],
    rows: KernelRows,
    keys: AbstractSet[DestinationKey],
) -> HealthStates:
    """Return the first states of these servers: up if they have weight in the kernel, or if their check has passed."""
    found = compiled.known_results(results) if keys else {}
    passed = {key for key, result in found.items() if result.verdict is Verdict.UP}
    states: dict[DestinationKey, HealthState] = {}
    for service in dict.fromkeys(key.service for key in keys):
        virtual, held = compiled.virtuals[service], rows(service)
        for key, real in virtual.reals.items():
            if key in keys:
                up = key in passed or is_up_at_start(virtual.virtual, held.get(real.row))
                states[key] = _UP if up else _DOWN
    return states
