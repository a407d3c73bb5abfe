"""Each event as the fields of a JSON object, the same for the log, notifications and the journal; without secrets.

Every object has ``event`` (a name of EVENTS), ``time`` (UTC, ISO 8601) and ``message``; the others depend on the event.
A field without a value is null. The values are text, numbers, booleans and lists of text, and ``cause`` is an object.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from ldirectord_py.administration import AdministrativeState
from ldirectord_py.config.model import Real, Virtual, virtual_id
from ldirectord_py.health import Transition
from ldirectord_py.ipvs.diff import Op, Verb
from ldirectord_py.ipvs.ipvsadm import command, save
from ldirectord_py.ipvs.table import Destination, Row, service_of
from ldirectord_py.report.events import (
    Administered,
    Checked,
    ConfigInForce,
    Drifted,
    Event,
    Flapping,
    HostStalled,
    KernelFound,
    KernelLost,
    NotWritten,
    Outage,
    Panic,
    Probed,
    ReloadRefused,
    ReportsLost,
    SelfDoubted,
    Unjudged,
    Unresolved,
    Written,
)
from ldirectord_py.report.wording import MAX_LISTED, description
from ldirectord_py.runtime.times import iso_time

EVENTS: Final = (
    *("server-up", "server-down", "soft-failure", "soft-failures-over", "checked", "probed"),
    *("server-flapping", "server-steady", "panic-began", "panic-over"),
    *("self-doubt-began", "self-doubt-over", "host-stalled", "reports-lost"),
    *("server-drained", "server-disabled", "server-ready"),
    *("checks-unjudged", "checks-judged", "outage-began", "outage-over"),
    *("row-added", "row-changed", "row-removed", "row-refused", "drift-repaired", "drift-accepted"),
    *("names-unresolved", "kernel-lost", "kernel-found", "configuration-in-force", "configuration-refused"),
)
"""The names of all events; names are added, and never change."""

MINOR: Final = frozenset(
    ("checked", "probed", "soft-failure", "soft-failures-over", "row-added", "row-changed", "row-removed")
)
"""The names of events that only the log has: single results, and what follows from other events."""

DAEMON: Final = "ldirectord"
"""Who did what the daemon did by itself."""

Fields = Mapping[str, Any]

_OF_STATE = {AdministrativeState.DRAIN: "server-drained", AdministrativeState.DISABLED: "server-disabled"}
_OF_VERB = {Verb.ADD: "row-added", Verb.EDIT: "row-changed", Verb.DELETE: "row-removed"}


def event_fields(event: Event, seconds: float) -> dict[str, Any]:
    """Return the fields of an event that happened ``seconds`` after the epoch."""
    return {
        "event": event_name(event),
        "time": iso_time(seconds),
        "message": description(event),
        **event_details(event),
    }


def virtual_of(event: Event) -> str | None:
    """Return the id of the virtual that an event is about; None if it is about none, or about all."""
    match event:
        case Checked() | Probed() | Unresolved() | Outage() | Administered() | Flapping() | Panic():
            return event.virtual.id
        case Written(op):
            return virtual_id(service_of(op.row.key))
        case NotWritten(refused):
            return virtual_id(service_of(refused.op.row.key))
        case Drifted(before, found):
            row = found or before
            return virtual_id(service_of(row.key)) if row else None
        case _:
            return None


def event_name(event: Event) -> str:
    """Return the name of an event, one of EVENTS."""
    match event:
        case Checked():
            return _checked_name(event.transition)
        case Written():
            return _OF_VERB[event.op.verb]
        case Administered():
            return _OF_STATE[event.after.state] if event.after else "server-ready"
        case Drifted():
            return "drift-repaired" if event.repaired else "drift-accepted"
        case _:
            return _other_name(event)


def _other_name(event: Event) -> str:
    match event:
        case Unjudged():
            return "checks-judged" if event.over else "checks-unjudged"
        case Outage():
            return "outage-began" if event.began else "outage-over"
        case Flapping():
            return "server-steady" if event.over else "server-flapping"
        case Panic():
            return "panic-began" if event.began else "panic-over"
        case SelfDoubted():
            return "self-doubt-over" if event.over else "self-doubt-began"
        case _:
            return _ONLY_NAMES[type(event)]


_ONLY_NAMES: Final[Mapping[type, str]] = {
    Probed: "probed",
    HostStalled: "host-stalled",
    ReportsLost: "reports-lost",
    NotWritten: "row-refused",
    Unresolved: "names-unresolved",
    KernelLost: "kernel-lost",
    KernelFound: "kernel-found",
    ConfigInForce: "configuration-in-force",
    ReloadRefused: "configuration-refused",
}


def _checked_name(step: Transition) -> str:
    if step.rose:
        return "server-up"
    if step.fell or step.first_failure:
        return "server-down"
    if step.soft_failure:
        return "soft-failure"
    return "soft-failures-over" if step.recovered else "checked"


def event_details(event: Event) -> dict[str, Any]:
    """Return the fields of an event other than ``event``, ``time`` and ``message``."""
    return _DETAILS[type(event)](event)


def _not_written(event: NotWritten) -> dict[str, Any]:
    return {**_op(event.refused.op), "reason": event.refused.reason}


def _unjudged(event: Unjudged) -> dict[str, Any]:
    return {"kind": event.check.kind, "reason": event.reason, "checks": event.checks, "servers": event.servers}


def _unresolved(event: Unresolved) -> dict[str, Any]:
    counts = {"checked": len(event.checked), "unchecked": len(event.unchecked)}
    return {**_virtual(event.virtual), "names": list(event.names[:MAX_LISTED]), **counts}


def _outage(event: Outage) -> dict[str, Any]:
    fallback = event.virtual.fallback
    return {**_virtual(event.virtual), "fallback": str(fallback) if fallback else None}


def _config_in_force(event: ConfigInForce) -> dict[str, Any]:
    virtuals = event.config.virtuals
    return {"virtuals": len(virtuals), "reals": sum(len(virtual.reals) for virtual in virtuals)}


def _virtual(virtual: Virtual) -> dict[str, Any]:
    return {"virtual": virtual.id, "servicename": virtual.servicename}


def _server(virtual: Virtual, real: Real) -> dict[str, Any]:
    return {**_virtual(virtual), "real": str(real), "name": real.name}


def _verdict_fields(event: Checked) -> dict[str, Any]:
    after, virtual = event.transition.after, event.virtual
    return {
        **_server(virtual, event.real),
        "code": event.code.value,
        "reason": event.reason,
        "phase": event.phase.value,
        "up": after.up,
        "failures": after.failures,
        "failurecount": virtual.failurecount,
        "successes": after.successes,
        "successcount": virtual.successcount,
    }


def _probed(event: Probed) -> dict[str, Any]:
    result = event.result
    verdict = {"verdict": result.verdict.name.lower(), "code": result.code.value, "reason": result.reason}
    return {**_server(event.virtual, event.real), **verdict, "seconds": result.seconds}


def _flapping(event: Flapping) -> dict[str, Any]:
    return {**_server(event.virtual, event.real), "changes": event.changes, "window": event.virtual.flapwindow}


def _panic(event: Panic) -> dict[str, Any]:
    return {**_virtual(event.virtual), "good": event.good, "total": event.total, "panic": event.virtual.panic}


def _self_doubted(event: SelfDoubted) -> dict[str, Any]:
    return {"failing": event.failing, "total": event.total, "still": list(event.still[:MAX_LISTED])}


def _administered(event: Administered) -> dict[str, Any]:
    decision = event.after.decision if event.after else event.by
    return {
        **_server(event.virtual, event.real),
        "who": decision.who if decision else DAEMON,
        "why": decision.why if decision else None,
        "until": None if decision is None or decision.until is None else iso_time(decision.until),
        "state": event.after.state.value if event.after else AdministrativeState.READY.value,
        "state_before": event.before.state.value if event.before else AdministrativeState.READY.value,
    }


def _written(event: Written) -> dict[str, Any]:
    row, cause = event.op.row, event.cause
    return {
        **_op(event.op),
        "servicename": event.virtual.servicename if event.virtual else None,
        "role": event.role.value if isinstance(row, Destination) else "virtual",
        "phase": event.phase.value,
        "weight_before": _weight(event.before),
        "weight_after": None if event.op.verb is Verb.DELETE else _weight(row),
        "cause": None if cause is None else {"event": event_name(cause), **_verdict_fields(cause)},
    }


def _op(op: Op) -> dict[str, Any]:
    return {**_row(op.row), "command": command(op)}


def _drifted(event: Drifted) -> dict[str, Any]:
    row = event.found or event.before
    return {
        **(_row(row) if row else {}),
        "weight_before": _weight(event.before),
        "weight_found": _weight(event.found),
        "before": _saved_line(event.before),
        "found": _saved_line(event.found),
    }


def _row(row: Row) -> dict[str, Any]:
    real = row.key.endpoint if isinstance(row, Destination) else None
    return {"virtual": virtual_id(service_of(row.key)), "real": real}


def _weight(row: Row | None) -> int | None:
    return row.weight if isinstance(row, Destination) else None


def _saved_line(row: Row | None) -> str | None:
    return save({row.key: row}).rstrip() if row else None


_DETAILS: Final[Mapping[type[Event], Callable[[Any], dict[str, Any]]]] = {
    Checked: _verdict_fields,
    Probed: _probed,
    Unjudged: _unjudged,
    Flapping: _flapping,
    Panic: _panic,
    SelfDoubted: _self_doubted,
    HostStalled: lambda event: {**event._asdict(), "seconds": round(event.seconds, 3)},
    ReportsLost: lambda event: event.lost._asdict(),
    Written: _written,
    NotWritten: _not_written,
    Drifted: _drifted,
    Unresolved: _unresolved,
    KernelLost: lambda event: {"reason": event.reason},
    KernelFound: lambda _: {},
    Outage: _outage,
    Administered: _administered,
    ConfigInForce: _config_in_force,
    ReloadRefused: lambda event: {"reasons": list(event.reasons[:MAX_LISTED])},
}
