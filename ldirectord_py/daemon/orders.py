"""A configuration in force with its plan, and the look-ups that the director makes in them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from ldirectord_py.checks.base import Check, Kind, Result
from ldirectord_py.config.model import CheckType, Config, Fallback, Real, Virtual
from ldirectord_py.desired import real_key, row_key
from ldirectord_py.health import Rules
from ldirectord_py.ipvs.table import DestinationKey, Key, ServiceKey
from ldirectord_py.plan import Plan, plan
from ldirectord_py.report.events import Role

Owners = tuple[Real | Fallback, ...]


@dataclass(frozen=True, slots=True)
class Orders:
    """What the director has to do: derived once from a Config, never changed."""

    config: Config
    plan: Plan
    virtuals: Mapping[ServiceKey, Virtual]
    reals: Mapping[DestinationKey, tuple[Virtual, Real]]
    owners: Mapping[DestinationKey, Owners]

    def role(self, key: Key) -> Role:
        """Return what a destination in the kernel is to its virtual."""
        owners = self.owners.get(key, ()) if isinstance(key, DestinationKey) else ()
        if any(isinstance(owner, Real) for owner in owners):
            return Role.REAL
        return Role.FALLBACK if owners else Role.UNKNOWN

    def found(self, results: Mapping[Check, Result]) -> dict[DestinationKey, Result]:
        """Return the result for each server whose check has one."""
        known = ((keys, results.get(check)) for check, keys in self.plan.items())
        return {key: result for keys, result in known if result is not None for key in keys}

    def portions(self, services: Iterable[ServiceKey], rows: int) -> Iterator[dict[ServiceKey, None]]:
        """Yield the services, in their order, so many at a time that they have about so many ``rows``."""
        portion: dict[ServiceKey, None] = {}
        size = 0
        for key in services:
            portion[key] = None
            size += 1 + (len(self.virtuals[key].reals) if key in self.virtuals else 0)
            if size >= rows:
                yield portion
                portion, size = {}, 0
        if portion:
            yield portion


def rules(virtual: Virtual) -> Rules:
    """Return how many verdicts in a row change the state of a virtual's servers; without checks one word does."""
    checked = virtual.checktype is not CheckType.ON
    return Rules(fall=virtual.failurecount, rise=virtual.successcount if checked else 1)


def orders(config: Config, kinds: Mapping[str, Kind]) -> Orders:
    """Return the orders that a configuration gives."""
    return Orders(
        config,
        plan(config, kinds),
        {virtual.key: virtual for virtual in config.virtuals},
        {real_key(virtual, real): (virtual, real) for virtual in config.virtuals for real in virtual.reals},
        _owners(config),
    )


def _owners(config: Config) -> dict[DestinationKey, Owners]:
    owners: dict[DestinationKey, Owners] = {}
    for virtual in config.virtuals:
        for server in (*virtual.reals, virtual.fallback):
            if server is not None:
                key = row_key(virtual, server)
                owners[key] = (*owners.get(key, ()), server)
    return owners
