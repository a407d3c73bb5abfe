"""A configuration with its plan of checks and its rows, made once, so that a verdict only needs look-ups."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from ldirectord_py.checks.base import Check, Kind, Result
from ldirectord_py.compiled_real import CompiledReal
from ldirectord_py.config.model import Config, Fallback, Real, Virtual
from ldirectord_py.daemon.reconciler.dirty_set import Scopes
from ldirectord_py.desired import VirtualRows, virtual_rows
from ldirectord_py.ipvs.netlink.encode import encode_valid
from ldirectord_py.ipvs.table import DestinationKey, EncodedRows, Row, ServiceKey
from ldirectord_py.plan import checks, merged
from ldirectord_py.report.events import Role


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

    def checks_by_key(self) -> dict[DestinationKey, Check | None]:
        """Return the check of each real server."""
        return {real.key: check for real, check in zip(self.rows.reals, self.checks, strict=True)}

    def affected_rows(self, row: DestinationKey) -> tuple[DestinationKey, ...]:
        """Return the rows that may change with this one: itself and the fallback's."""
        return (row,) if self.rows.fallback is None else (row, self.rows.fallback)

    def role(self, row: DestinationKey) -> Role:
        """Return the role of a destination."""
        slot = self.rows.slots.get(row)
        if slot is None:
            return Role.UNKNOWN
        return Role.REAL if slot.reals else Role.FALLBACK

    def servers(self, row: DestinationKey) -> tuple[Real | Fallback, ...]:
        """Return the servers behind a row in the kernel."""
        slot, fallback = self.rows.slots.get(row), self.virtual.fallback
        reals = () if slot is None else tuple(real.real for real in slot.reals)
        return reals if fallback is None or row != self.rows.fallback else (*reals, fallback)


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
        return virtual.servers(row) if virtual else ()

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
    encoded = encode_valid((rows.service, *(real.row_up for slot in rows.slots.values() for real in slot.reals)))
    reals = {real.key: real for real in rows.reals}  # of a server that is there twice the last line counts
    return CompiledVirtual(virtual, rows, encoded, reals, checks(virtual, kinds))


def _checked(virtual: CompiledVirtual) -> Iterator[tuple[Check | None, DestinationKey, CompiledReal]]:
    for check, real in zip(virtual.checks, virtual.rows.reals, strict=True) if any(virtual.checks) else ():
        yield check, real.key, virtual.reals[real.key]
