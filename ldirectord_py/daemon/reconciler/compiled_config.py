"""A configuration in force with its plan, and the look-ups that the director makes in them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import chain

from ldirectord_py.checks.base import Check, Kind, Result
from ldirectord_py.config.model import CheckType, Config, Fallback, Real, Virtual
from ldirectord_py.daemon.reconciler.dirty_set import Scopes
from ldirectord_py.desired import VirtualRows, virtual_rows
from ldirectord_py.health import Rules
from ldirectord_py.ipvs.netlink.encode import prepare
from ldirectord_py.ipvs.table import DestinationKey, Key, ServiceKey
from ldirectord_py.plan import Plan, checks, merged
from ldirectord_py.report.events import Role

Servers = tuple[Real | Fallback, ...]


@dataclass(frozen=True, slots=True)
class CompiledVirtual:
    """What one virtual adds to the orders: its rows, the check of each of its real servers, and who these are."""

    virtual: Virtual
    roster: VirtualRows
    checks: tuple[Check | None, ...]
    reals: Mapping[DestinationKey, tuple[Virtual, Real]]


@dataclass(frozen=True, slots=True)
class CompiledConfig:
    """What the director has to do: derived once from a Config, never changed.

    ``noted`` is whether any virtual has a monitorfile.
    """

    config: Config
    kinds: Mapping[str, Kind]
    plan: Plan
    virtuals: Mapping[ServiceKey, Virtual]
    compiled_virtuals: Mapping[ServiceKey, CompiledVirtual]
    reals: Mapping[DestinationKey, tuple[Virtual, Real]]
    has_monitorfile: bool

    def servers(self, key: DestinationKey) -> Servers:
        """Return the servers behind a destination in the kernel, none behind one that is not ours."""
        share = self.compiled_virtuals.get(key.service)
        place = share and share.roster.slots.get(key)
        return place.servers if place else ()

    def role(self, key: Key) -> Role:
        """Return what a destination in the kernel is to its virtual."""
        servers = self.servers(key) if isinstance(key, DestinationKey) else ()
        if any(isinstance(server, Real) for server in servers):
            return Role.REAL
        return Role.FALLBACK if servers else Role.UNKNOWN

    def is_always_up(self, key: DestinationKey) -> bool:
        """Return whether a real server is taken for up without a check."""
        return self.reals[key][0].checktype is CheckType.ON

    def known_results(self, results: Mapping[Check, Result]) -> dict[DestinationKey, Result]:
        """Return the result for each server whose check has one."""
        known = ((keys, results.get(check)) for check, keys in self.plan.items())
        return {key: result for keys, result in known if result is not None for key in keys}

    def affected_destinations(self, key: DestinationKey) -> tuple[DestinationKey, ...]:
        """Return the destinations that may change with this one: itself, and the fallback of its virtual."""
        fallback = self.compiled_virtuals[key.service].roster.fallback
        return (key,) if fallback is None else (key, fallback)

    def batches(self, scopes: Scopes, rows: int) -> Iterator[Scopes]:
        """Yield the services, in their order, so many at a time that they have about so many ``rows``."""
        portion: dict[ServiceKey, dict[DestinationKey, None] | None] = {}
        size = 0
        for key, scope in scopes.items():
            portion[key] = scope
            whole = self.virtuals[key].reals if key in self.virtuals else ()
            size += 1 + len(whole if scope is None else scope)
            if size >= rows:
                yield portion
                portion, size = {}, 0
        if portion:
            yield portion


def rules(virtual: Virtual) -> Rules:
    """Return how many verdicts in a row change the state of a virtual's servers; without checks one word does."""
    checked = virtual.checktype is not CheckType.ON
    return _rules(virtual.failurecount, virtual.successcount if checked else 1)


@lru_cache(maxsize=256)
def _rules(fall: int, rise: int) -> Rules:
    """Return the one object for these numbers: it is asked for at each result of each check."""
    return Rules(fall, rise)


def compile_config(config: Config, kinds: Mapping[str, Kind], former: CompiledConfig | None = None) -> CompiledConfig:
    """Return the orders that a configuration gives; what is equal in the ``former`` ones is the same object."""
    known = former.compiled_virtuals if former and former.kinds is kinds else {}
    shares = {virtual.key: _compile_virtual(virtual, known.get(virtual.key), kinds) for virtual in config.virtuals}
    reals: dict[DestinationKey, tuple[Virtual, Real]] = {}
    for share in shares.values():
        reals.update(share.reals)
    return CompiledConfig(
        replace(config, virtuals=tuple(share.virtual for share in shares.values())),
        kinds,
        merged(
            chain.from_iterable(zip(share.checks, share.roster.identities, strict=True) for share in shares.values())
        ),
        {key: share.virtual for key, share in shares.items()},
        shares,
        reals,
        any(virtual.monitorfile is not None for virtual in config.virtuals),
    )


def _compile_virtual(virtual: Virtual, known: CompiledVirtual | None, kinds: Mapping[str, Kind]) -> CompiledVirtual:
    if known is not None and known.virtual == virtual:
        return known
    made = virtual_rows(virtual)
    prepare((made.service, *(row for place in made.slots.values() for _, row in place.up)))
    reals = {key: (virtual, real) for key, real in zip(made.identities, virtual.reals, strict=True)}
    return CompiledVirtual(virtual, made, checks(virtual, kinds), reals)
