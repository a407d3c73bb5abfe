"""A configuration in force with its plan, and the look-ups that the director makes in them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ldirectord_py.checks.base import Kind
from ldirectord_py.config.model import Config, Fallback, Real, Virtual
from ldirectord_py.desired import real_key, row_key
from ldirectord_py.ipvs.table import DestinationKey, ServiceKey
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

    def role(self, key: DestinationKey) -> Role:
        """Return what a row of the kernel's is to its virtual."""
        owners = self.owners.get(key, ())
        if any(isinstance(owner, Real) for owner in owners):
            return Role.REAL
        return Role.FALLBACK if owners else Role.UNKNOWN


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
