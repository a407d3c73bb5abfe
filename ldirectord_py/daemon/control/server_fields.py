"""Virtuals and real servers as fields of JSON: what is configured, administered, observed, and in the kernel.

Times of the monotonic clock become seconds of age, and UTC in ISO 8601. Nothing that may be secret is a field.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any, Final

from ldirectord_py.address import bracketed
from ldirectord_py.administration import AdministrativeEntry, Entries, EntriesByServer
from ldirectord_py.checks.base import Check
from ldirectord_py.checks.codes import ReasonCode
from ldirectord_py.daemon.control.configured_fields import configured_real, configured_virtual
from ldirectord_py.daemon.control.kernel_usage import KernelReading
from ldirectord_py.daemon.history.results import PastResult, ResultHistory
from ldirectord_py.daemon.history.transitions import PastTransition, TransitionHistory
from ldirectord_py.daemon.reconciler.compiled_config import CompiledReal, CompiledVirtual
from ldirectord_py.desired import Administration, Health, ManualWeights
from ldirectord_py.health import HealthState, Verdict
from ldirectord_py.ipvs.table import Destination, DestinationKey, Usage
from ldirectord_py.runtime.times import iso_time
from ldirectord_py.trouble import BY_HAND

LATE: Final = 1.0
"""Seconds beyond its interval and its timeout after which the result of a check is overdue."""

Fields = dict[str, Any]

READY: Final[Fields] = {"state": "ready", "who": None, "since": None, "why": None, "until": None}
IN_MAINTENANCE: Final[Fields] = {**READY, "state": "maintenance", "who": "maintenancedir"}


@dataclass(frozen=True, slots=True)
class Moment:
    """One moment, of the monotonic and of the wall clock, in seconds."""

    monotonic: float
    wall: float

    def age(self, at: float) -> float:
        """Return the seconds since a time of the monotonic clock."""
        return round(max(0.0, self.monotonic - at), 3)

    def iso(self, at: float) -> str:
        """Return a time of the monotonic clock in ISO 8601."""
        return iso_time(self.wall - (self.monotonic - at))


@dataclass(frozen=True, slots=True)
class Knowledge:
    """What a daemon knows about its servers."""

    health: Health
    results: ResultHistory
    transitions: TransitionHistory
    kernel: KernelReading
    manual: ManualWeights
    administration: Administration
    administered: EntriesByServer
    maintained: AbstractSet[DestinationKey]
    now: Moment
    entries: Entries = field(default_factory=dict)


class VirtualView:
    """A virtual as ``knowledge`` has it."""

    def __init__(self, compiled: CompiledVirtual, knowledge: Knowledge) -> None:
        self.compiled = compiled
        self._known = knowledge
        health, administration = knowledge.health, knowledge.administration
        self.up = sum(health[key].up for key in compiled.reals if key not in administration)

    def fields(self) -> Fields:
        """Return the fields of the virtual itself, without those of its real servers."""
        virtual = self.compiled.virtual
        fallback = self._fallback()
        trouble = ["outage"] if virtual.reals and not self.up else []
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
        checks = dict(zip(self.compiled.rows.identities, self.compiled.checks, strict=True))
        return ((real, checks[key]) for key, real in self.compiled.reals.items())

    def is_well(self, real: CompiledReal, check: Check | None) -> bool:
        """Return whether a server surely has no ``trouble``; if false, ``real`` tells. Takes a tenth as long."""
        known, state = self._known, self._known.health[real.key]
        if not state.up or state.failures or real.key in known.administration or real.key in known.maintained:
            return False
        usage = known.kernel.usage.get(real.row)
        if known.kernel.error is None and (usage is None or usage.weight != real.real.weight):
            return False
        if check is None:
            return True
        last = known.results.last(check)
        return last is not None and last.reason.verdict is Verdict.UP and not _is_overdue(known, check, last)

    def real(self, real: CompiledReal, check: Check | None) -> Fields:
        """Return the fields of a real server."""
        known = self._known
        administrative = _administrative(known, real.key)
        observed = _observed(known, real, check, administrative)
        disagrees = self._disagrees(real.row)
        return {
            "virtual": real.virtual.id,
            "real": str(real.real),
            "row": real.row.endpoint,
            "name": real.real.name,
            "configured": configured_real(real.virtual, real.real),
            "administrative": administrative,
            "observed": observed,
            "kernel": _usage(known.kernel.usage.get(real.row)),
            "disagrees": disagrees,
            "trouble": list(_trouble(observed, administrative, disagrees)),
        }

    def _disagrees(self, row: DestinationKey) -> list[str]:
        """Return in words how the kernel's row differs from the one that this server should have now."""
        if self._known.kernel.error is not None or row in self._known.kernel.changed:
            return []
        known, down = self._known, not self.up
        wanted = self.compiled.rows.rows(known.health, {}, known.administration, all_down=down, only=(row,)).get(row)
        found = known.kernel.usage.get(row)
        return disagreements(wanted if isinstance(wanted, Destination) else None, found, by_hand=row in known.manual)

    def _fallback(self) -> Fields | None:
        row = self.compiled.rows.fallback
        if row is None:
            return None
        fallback = self.compiled.virtual.fallback
        return {
            "server": str(fallback),
            "used": not self.up,
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
            administrative = entry_fields(entry) if entry else None
            yield {"real": key.endpoint, "administrative": administrative, "kernel": _usage(reading.usage[key])}

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


def past_results(known: Knowledge, check: Check | None) -> list[Fields]:
    """Return the last results of a check, the latest first."""
    return [_past_result(known.now, result) for result in known.results.results(check)] if check else []


def past_transitions(known: Knowledge, key: DestinationKey) -> list[Fields]:
    """Return the last transitions of a server, the latest first."""
    return [_past_transition(known.now, each) for each in known.transitions.transitions(key)]


def _past_result(now: Moment, result: PastResult) -> Fields:
    verdict, code, words = result.reason
    return {
        "at": now.iso(result.at),
        "age": now.age(result.at),
        "verdict": verdict.name.lower(),
        "code": code.value,
        "reason": words,
        "latency": float(f"{result.seconds:.4g}"),
    }


def _past_transition(now: Moment, transition: PastTransition) -> Fields:
    return {
        "at": now.iso(transition.at),
        "age": now.age(transition.at),
        "up": transition.up,
        "code": transition.code.value,
        "reason": transition.words,
    }


def _administrative(known: Knowledge, key: DestinationKey) -> Fields:
    entry = known.administered.get(key)
    if entry is None:
        return IN_MAINTENANCE if key in known.maintained else READY
    return entry_fields(entry)


def entry_fields(entry: AdministrativeEntry) -> Fields:
    """Return what an operator did to a server."""
    by = entry.decision
    until = None if by.until is None else iso_time(by.until)
    return {"state": entry.state.value, "who": by.who, "since": iso_time(by.since), "why": by.why, "until": until}


def _observed(known: Knowledge, real: CompiledReal, check: Check | None, administrative: Fields) -> Fields:
    maintained = administrative is IN_MAINTENANCE
    state = known.health[real.key]
    counted = HealthState() if maintained else state  # verdicts are not counted meanwhile
    last = known.results.last(check) if check else None
    since = known.transitions.since(real.key)
    result: Fields = (
        _past_result(known.now, last)
        if last
        else {"at": None, "age": None, "verdict": None, "code": None, "reason": None, "latency": None}
    )
    if check is None:
        result |= {"code": ReasonCode.NOCHECK.value, "reason": f"checktype = {real.virtual.checktype.value}"}
    return {
        "up": _is_up(state, last, check, maintained=maintained),
        "since": None if since is None else known.now.iso(since),
        **result,
        "overdue": check is not None and _is_overdue(known, check, last),
        "failures": counted.failures,
        "failurecount": real.virtual.failurecount,
        "successes": counted.successes,
        "successcount": real.virtual.successcount,
        "certificate_end": _certificate_end(known, check),
    }


def _certificate_end(known: Knowledge, check: Check | None) -> str | None:
    end = known.results.certificate_end(check) if check else None
    return None if end is None else iso_time(end)


def _is_up(state: HealthState, last: PastResult | None, check: Check | None, *, maintained: bool) -> bool | None:
    """Return what the checks say, None if they have said nothing; maintenance does not count here."""
    if check is None:
        return state.up
    if last is None:
        return None
    return last.reason.verdict is Verdict.UP if maintained else state.up


def longest_age(check: Check) -> float:
    """Return the age in seconds beyond which the last result of a check is overdue."""
    return check.max_interval + check.target.timeout + LATE


def _is_overdue(known: Knowledge, check: Check, last: PastResult | None) -> bool:
    since = last.at if last is not None else known.results.added(check)
    return since is not None and known.now.monotonic - since > longest_age(check)


def _trouble(observed: Fields, administrative: Fields, disagrees: list[str]) -> Iterator[str]:
    """Yield why a server is not plainly well, in the order of WORST_FIRST."""
    if observed["up"] is False:
        yield "down"
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


def oldest_result(results: ResultHistory, checks: Iterator[Check]) -> float | None:
    """Return when the oldest of the last results of these checks was observed, None if there is none."""
    return min((last.at for last in map(results.last, checks) if last is not None), default=None)
