"""A configuration with its plan of checks and its rows, made once, so that a verdict only needs look-ups."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

from ldirectord_py.checks.base import Check, Kind, Result
from ldirectord_py.config.model import CheckType, Config, Fallback, Real, Virtual
from ldirectord_py.daemon.reconciler.dirty_set import Scopes
from ldirectord_py.desired import VirtualRows, row_key, virtual_rows
from ldirectord_py.health import Rules
from ldirectord_py.ipvs.netlink.encode import encode_valid
from ldirectord_py.ipvs.table import DestinationKey, EncodedRows, Row, ServiceKey
from ldirectord_py.plan import checks, merged
from ldirectord_py.report.events import Role


class CompiledReal(NamedTuple):
    """A real server of a virtual: its ``key`` in the configuration, and that of its ``row`` in the kernel.

    ``rules`` say how many verdicts in a row change its state.
    """

    key: DestinationKey
    row: DestinationKey
    virtual: Virtual
    real: Real
    rules: Rules

    @property
    def always_up(self) -> bool:
        """Whether the server counts as up without a check."""
        return self.virtual.checktype is CheckType.ON


@dataclass(frozen=True, slots=True)
class CompiledVirtual:
    """A virtual, its rows, its real servers by their keys, and the check of each in the order of ``virtual.reals``.

    ``encoded`` holds the rows that the virtual has while all its servers are up.
    """

    virtual: Virtual
    rows: VirtualRows
    encoded: EncodedRows
    reals: Mapping[DestinationKey, CompiledReal]
    checks: tuple[Check | None, ...]

    def affected_rows(self, row: DestinationKey) -> tuple[DestinationKey, ...]:
        """Return the rows that may change with this one: itself and the fallback's."""
        return (row,) if self.rows.fallback is None else (row, self.rows.fallback)

    def role(self, row: DestinationKey) -> Role:
        """Return the role of a destination."""
        slot = self.rows.slots.get(row)
        if slot is None:
            return Role.UNKNOWN
        return Role.REAL if slot.up else Role.FALLBACK


@dataclass(frozen=True, slots=True)
class CompiledConfig:
    """A Config, its virtuals, and its ``plan``: each check with the real servers that its results judge."""

    config: Config
    kinds: Mapping[str, Kind]
    virtuals: Mapping[ServiceKey, CompiledVirtual]
    plan: Mapping[Check, tuple[CompiledReal, ...]]

    def virtual(self, service: ServiceKey) -> Virtual | None:
        """Return the virtual of a service, None where the configuration has none."""
        compiled = self.virtuals.get(service)
        return compiled.virtual if compiled else None

    def real(self, key: DestinationKey) -> CompiledReal:
        """Return a real server; raises KeyError where the configuration has none of this key."""
        return self.virtuals[key.service].reals[key]

    def reals(self) -> Iterator[CompiledReal]:
        """Yield all real servers, in the order of the virtuals."""
        return (real for virtual in self.virtuals.values() for real in virtual.reals.values())

    def servers(self, row: DestinationKey) -> tuple[Real | Fallback, ...]:
        """Return the servers behind a row in the kernel, none behind one that is not ours."""
        virtual = self.virtuals.get(row.service)
        slot = virtual and virtual.rows.slots.get(row)
        return slot.servers if slot else ()

    def known_results(self, results: Mapping[Check, Result]) -> dict[DestinationKey, Result]:
        """Return the result for each real server whose check has one."""
        known = ((reals, results.get(check)) for check, reals in self.plan.items())
        return {real.key: result for reals, result in known if result is not None for real in reals}

    def encoded_rows(self, services: Iterable[ServiceKey]) -> EncodedRows:
        """Return the encoded rows of these services."""
        rows: dict[Row, bytes] = {}
        for key in services:
            if key in self.virtuals:
                rows.update(self.virtuals[key].encoded)
        return rows

    def batches(self, scopes: Scopes, rows: int) -> Iterator[Scopes]:
        """Yield the services in their order, in batches of about this number of ``rows``."""
        batch: dict[ServiceKey, dict[DestinationKey, None] | None] = {}
        size = 0
        for key, scope in scopes.items():
            batch[key] = scope
            all_rows = self.virtuals[key].virtual.reals if key in self.virtuals else ()
            size += 1 + len(all_rows if scope is None else scope)
            if size >= rows:
                yield batch
                batch, size = {}, 0
        if batch:
            yield batch


def compile_config(config: Config, kinds: Mapping[str, Kind], former: CompiledConfig | None = None) -> CompiledConfig:
    """Return a configuration compiled; a virtual that equals one of ``former`` is the same object."""
    known = former.virtuals if former and former.kinds is kinds else {}
    virtuals = {virtual.key: _compile_virtual(virtual, known.get(virtual.key), kinds) for virtual in config.virtuals}
    return CompiledConfig(
        replace(config, virtuals=tuple(each.virtual for each in virtuals.values())),
        kinds,
        virtuals,
        merged(checked for each in virtuals.values() for checked in _checked(each)),
    )


def _compile_virtual(virtual: Virtual, known: CompiledVirtual | None, kinds: Mapping[str, Kind]) -> CompiledVirtual:
    if known is not None and known.virtual == virtual:
        return known
    rows = virtual_rows(virtual)
    encoded = encode_valid((rows.service, *(row for slot in rows.slots.values() for _, row in slot.up)))
    row_keys = {key: row for row, slot in rows.slots.items() for key, _ in slot.up}
    if len(row_keys) < len(virtual.reals):  # a server that is there twice may have two rows: its last line counts
        row_keys = {key: row_key(virtual, real) for key, real in zip(rows.identities, virtual.reals, strict=True)}
    rules = _rules(virtual)
    reals = {
        key: CompiledReal(key, row_keys[key], virtual, real, rules)
        for key, real in zip(rows.identities, virtual.reals, strict=True)
    }
    return CompiledVirtual(virtual, rows, encoded, reals, checks(virtual, kinds))


def _rules(virtual: Virtual) -> Rules:
    """Return the rules of a virtual's servers; without checks, the end of a maintenance is one success."""
    return Rules(virtual.failurecount, 1 if virtual.checktype is CheckType.ON else virtual.successcount)


def _checked(virtual: CompiledVirtual) -> Iterator[tuple[Check | None, DestinationKey, CompiledReal]]:
    for check, key in zip(virtual.checks, virtual.rows.identities, strict=True) if any(virtual.checks) else ():
        yield check, key, virtual.reals[key]
