"""How the real servers stand, and how many of each virtual are up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import replace
from itertools import chain

from ldirectord_py.checks.base import Check, Result
from ldirectord_py.config.model import CheckType
from ldirectord_py.daemon.reconciler.compiled_config import CompiledConfig, CompiledVirtual
from ldirectord_py.desired import adopt
from ldirectord_py.health import HealthState, Rules, Transition, Verdict
from ldirectord_py.ipvs.table import DestinationKey, Key, Row, ServiceKey

HealthStates = Mapping[DestinationKey, HealthState]


class HealthTable:
    """Its state: the ``health`` of each real server, how many of each virtual are up, and whose servers these are.

    Counting them anew at each step would take long with 10,000 in one virtual.
    """

    def __init__(self) -> None:
        self.health: dict[DestinationKey, HealthState] = {}
        self._up: Counter[ServiceKey] = Counter()
        self._shares: Mapping[ServiceKey, CompiledVirtual] = {}

    @property
    def up(self) -> int:
        """How many real servers are up."""
        return self._up.total()

    def all_down(self, service: ServiceKey) -> bool:
        """Return whether no real server of a virtual is up."""
        return not self._up[service]

    def observe(self, key: DestinationKey, verdict: Verdict, rules: Rules) -> Transition | None:
        """Return the step that a verdict makes, which is made; None where nothing changes."""
        before = self.health[key]
        after = before.after(verdict, rules)
        if after is before or after == before:
            return None
        self._set(key, after)
        return Transition(before, after)

    def reset(self, key: DestinationKey) -> None:
        """Take a server for down, with nothing known of it."""
        self._set(key, HealthState())

    def replace_virtuals(
        self,
        shares: Mapping[ServiceKey, CompiledVirtual],
        maintained: AbstractSet[DestinationKey],
        first: Callable[[AbstractSet[DestinationKey]], HealthStates],
    ) -> Collection[DestinationKey]:
        """Have the servers of exactly these virtuals, with their own states, or else with those of ``first``.

        Return the servers of virtuals that have changed; those of the others have what they had.
        """
        former, self._shares = self._shares, shares
        left = [share for key, share in former.items() if shares.get(key) is not share]
        before = {key: self._drop(key) for share in left for key in share.reals}
        changed = [share for key, share in shares.items() if former.get(key) is not share]
        kept = {
            key: before[key]
            for share in changed
            for key in share.reals
            if key in before and (share.virtual.checktype is not CheckType.ON or key in maintained)
        }
        new = {key: None for share in changed for key in share.reals if key not in kept}
        states = kept | dict(first(new.keys()))
        for key, state in states.items():
            self._set(key, state)
        return states.keys()

    def _drop(self, key: DestinationKey) -> HealthState:
        state = self.health.pop(key)
        self._up[key.service] -= state.up
        return state

    def _set(self, key: DestinationKey, state: HealthState) -> None:
        before = self.health.get(key)
        self.health[key] = state
        self._up[key.service] += state.up - (before is not None and before.up)


def initial_states(
    compiled: CompiledConfig,
    results: Mapping[Check, Result],
    rows: Callable[[ServiceKey], Mapping[Key, Row]],
    keys: AbstractSet[DestinationKey],
) -> HealthStates:
    """Return the states in which these servers begin: up where the kernel shows it, or their check has passed."""
    found = compiled.known_results(results) if keys else {}
    passed = {key for key, result in found.items() if result.verdict is Verdict.UP}
    virtuals = {key.service: None for key in keys}
    states = dict(chain.from_iterable(adopt(compiled.virtuals[key].virtual, rows(key)).items() for key in virtuals))
    return {key: replace(states[key], up=states[key].up or key in passed) for key in keys}
