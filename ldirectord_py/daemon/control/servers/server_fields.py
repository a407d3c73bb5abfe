"""Virtuals and real servers as fields of JSON: what is configured, administered, observed, and in the kernel.

Nothing that may be secret is a field.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ldirectord_py.address import bracketed
from ldirectord_py.administration import AdministrativeEntry
from ldirectord_py.checks.base import Check
from ldirectord_py.compiled_real import CompiledReal
from ldirectord_py.daemon.control.servers.administrative_fields import (
    IN_MAINTENANCE,
    READY,
    administrative,
    entry_fields,
)
from ldirectord_py.daemon.control.servers.configured_fields import Fields, configured_real, configured_virtual
from ldirectord_py.daemon.control.servers.knowledge import Knowledge
from ldirectord_py.daemon.control.servers.observed_fields import is_overdue, observed_real
from ldirectord_py.daemon.reconciler.compiled_config import CompiledVirtual
from ldirectord_py.damping import KeptState, by_checks
from ldirectord_py.desired import ServerStates
from ldirectord_py.health import HealthState, Verdict
from ldirectord_py.ipvs.table import Destination, DestinationKey, Usage
from ldirectord_py.trouble import BY_HAND


class VirtualView:
    """A virtual as ``knowledge`` has it."""

    def __init__(self, compiled: CompiledVirtual, knowledge: Knowledge) -> None:
        self.compiled = compiled
        self._known = knowledge
        health, administration = knowledge.health, knowledge.administration
        states = [health[key] for key in compiled.reals if key not in administration]
        self.up = sum(by_checks(state).up for state in states)
        self._all_down = not any(state.up for state in states)

    def fields(self) -> Fields:
        """Return the fields of the virtual itself, without those of its real servers."""
        virtual = self.compiled.virtual
        fallback = self._fallback()
        trouble = ["outage"] if virtual.reals and self._all_down else []
        if any(isinstance(self._known.health[key], KeptState) for key in self.compiled.reals):
            trouble.append("panic")
        if fallback and fallback["disagrees"]:
            trouble.append("disagrees")
        return {
            "virtual": virtual.id,
            "servicename": virtual.servicename,
            "configured": configured_virtual(virtual),
            "up": self.up,
            "total": len(self.compiled.reals),
            "trouble": trouble,
            "fallback": fallback,
            "others": list(self._others()),
        }

    def reals(self) -> Iterator[tuple[CompiledReal, Check | None]]:
        """Yield the real servers, each with its check."""
        checks = self.compiled.checks_by_key()
        return ((real, checks[key]) for key, real in self.compiled.reals.items())

    def is_well(self, real: CompiledReal, check: Check | None) -> bool:
        """Return whether a server surely has no ``trouble``; if false, ``real`` tells. Takes a tenth as long."""
        known, state = self._known, self._known.health[real.key]
        if type(state) is not HealthState or not state.up or state.failures:
            return False
        if real.key in known.administration or real.key in known.maintained:
            return False
        usage = known.kernel.usage.get(real.row)
        if known.kernel.error is None and (usage is None or usage.weight != real.real.weight):
            return False
        if check is None:
            return True
        last = known.results.last(check)
        return last is not None and last.reason.verdict is Verdict.UP and not is_overdue(known, check, last)

    def real(self, real: CompiledReal, check: Check | None) -> Fields:
        """Return the fields of a real server."""
        known = self._known
        done = administrative(known, real.key)
        observed = observed_real(known, real, check, maintained=done is IN_MAINTENANCE)
        disagrees = self._disagrees(real.row)
        return {
            "virtual": real.virtual.id,
            "real": str(real.real),
            "row": real.row.endpoint,
            "name": real.real.name,
            "configured": configured_real(real.virtual, real.real),
            "administrative": done,
            "observed": observed,
            "kernel": _usage(known.kernel.usage.get(real.row)),
            "disagrees": disagrees,
            "trouble": list(_trouble(observed, done, disagrees)),
        }

    def _disagrees(self, row: DestinationKey) -> list[str]:
        """Return in words how the kernel's row differs from the one that this server should have now."""
        if self._known.kernel.error is not None or row in self._known.kernel.changed:
            return []
        known = self._known
        states = ServerStates(known.health, known.administration, known.tenths)
        wanted = self.compiled.rows.rows(states, {}, all_down=self._all_down, only=(row,)).get(row)
        found = known.kernel.usage.get(row)
        return disagreements(wanted if isinstance(wanted, Destination) else None, found, by_hand=row in known.manual)

    def _fallback(self) -> Fields | None:
        row = self.compiled.rows.fallback
        if row is None:
            return None
        fallback = self.compiled.virtual.fallback
        return {
            "server": str(fallback),
            "used": self._all_down,
            "kernel": _usage(self._known.kernel.usage.get(row)),
            "disagrees": self._disagrees(row),
        }

    def _others(self) -> Iterator[Fields]:
        """Yield the kernel's rows of the virtual that are no server of it now: such as those that drain."""
        reading, slots = self._known.kernel, self.compiled.rows.slots
        rows = reading.by_service.get(self.compiled.virtual.key, ())
        others = [key for key in rows if key not in slots and key not in reading.changed]
        entries = self._left_entries() if others else {}
        for key in others:
            entry = entries.get(key.endpoint) or entries.get(bracketed(key.address))
            done = entry_fields(entry) if entry else None
            leaving, kernel = self._known.leaving.get(key), _usage(reading.usage[key])
            yield {"real": key.endpoint, "administrative": done, "leaving": leaving, "kernel": kernel}

    def _left_entries(self) -> Mapping[str, AdministrativeEntry]:
        """Return the entries of servers that have left the configuration, by address and port, and by address alone.

        A row may have another port than its server.
        """
        found: dict[str, AdministrativeEntry] = {}
        for entry in self._known.entries.values():
            if entry.absent is not None and entry.virtual == self.compiled.virtual.id:
                found[entry.real] = entry
                found.setdefault(entry.real.rpartition(":")[0], entry)
        return found


def disagreements(wanted: Destination | None, found: Usage | None, *, by_hand: bool) -> list[str]:
    """Return in words how a row that the kernel has differs from the one that we want; nothing if it does not."""
    hand = f" {BY_HAND}" if by_hand else ""
    match wanted, found:
        case None, Usage(weight):
            return [f"in the kernel with weight {weight}, but should not be there{hand}"]
        case Destination(), None:
            return [f"not in the kernel{hand}"]
        case Destination(_, _, weight), Usage(other) if weight != other:
            return [f"weight {other} in the kernel, not {weight}{hand}"]
    return []


def _trouble(observed: Fields, administrative: Fields, disagrees: list[str]) -> Iterator[str]:
    """Yield why a server is not plainly well, in the order of WORST_FIRST."""
    if observed["up"] is False:
        yield "down"
    if observed["flapping"]:
        yield "flapping"
    if observed["kept"]:
        yield "kept"
    if disagrees:
        yield "disagrees"
    if observed["overdue"]:
        yield "overdue"
    if observed["up"] is None:
        yield "unknown"
    if observed["verdict"] == "none":
        yield "no-verdict"
    if observed["up"] and observed["failures"]:
        yield "failing"
    if administrative["state"] != READY["state"]:
        yield str(administrative["state"])


def _usage(usage: Usage | None) -> Fields | None:
    return None if usage is None else usage._asdict()
