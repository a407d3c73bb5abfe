"""The text of each event, for the log and for mails."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

from ldirectord_py.address import endpoint
from ldirectord_py.administration import AdministrativeEntry, AdministrativeState
from ldirectord_py.ipvs.diff import Verb
from ldirectord_py.ipvs.table import Destination, FirewallMark, Row, Service, ServiceKey
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
    Phase,
    Probed,
    ReloadRefused,
    ReportsLost,
    Role,
    SelfDoubted,
    Unjudged,
    Unresolved,
    Written,
)
from ldirectord_py.report.lost import lost_texts
from ldirectord_py.runtime.text import count_of
from ldirectord_py.runtime.times import iso_time, local_minute

MAX_LISTED: Final = 10
"""Names or rows that one line lists."""


def line(event: Event) -> str | None:
    """Return the log line of an event, None for an event without one."""
    return _LINES[type(event)](event)


def description(event: Event) -> str:
    """Return the log line of an event, or a sentence for an event without one."""
    match event:
        case Outage(virtual, began):
            return f"No real server of {virtual.id} is up" if began else f"A real server of {virtual.id} is up again"
        case ConfigInForce(config):
            reals = sum(len(virtual.reals) for virtual in config.virtuals)
            servers = f"{count_of(len(config.virtuals), 'virtual server')}, {count_of(reals, 'real server')}"
            return f"A configuration is in force: {servers}"
        case ReloadRefused(reasons):
            return f"A configuration was refused, the old one stays: {_listed(reasons, '; ')}"
        case HostStalled() | ReportsLost():
            return _host_stalled(event) if isinstance(event, HostStalled) else _reports_lost(event)
        case Checked() | Probed():
            reason = event.reason if isinstance(event, Checked) else event.result.reason
            return line(event) or f"Checked real server {event.real} ({event.virtual.id}): {reason}"
        case _:
            return line(event) or ""


def _host_stalled(event: HostStalled) -> str:
    repeated = f"; {count_of(event.repeated, 'probe')} failed meanwhile and were repeated" if event.repeated else ""
    return f"This host stood still for {event.seconds:.1f} s, in {count_of(event.stalls, 'stall')}{repeated}"


def _reports_lost(event: ReportsLost) -> str:
    return f"Reports were lost: {', '.join(lost_texts(event.lost._asdict()))}"


def _no_line(_: Event) -> None:
    return None


def _not_written(event: NotWritten) -> str:
    op = event.refused.op
    return f"Kernel refused to {op.verb.name.lower()} {row_name(op.row)}: {event.refused.reason}"


def _self_doubt(event: SelfDoubted) -> str:
    if not event.over:
        return (
            f"{event.failing} of {event.total} servers began to fail within one interval: "
            "the fault may be this director's or its network's"
        )
    still = f"; still failing: {_listed(event.still)}" if event.still else ""
    return (
        f"Of {event.failing} servers that began to fail together, {event.failing - len(event.still)} pass again{still}"
    )


def _panic(event: Panic) -> str:
    share, name = f"{event.good} of {count_of(event.total, 'real server')}", event.virtual.id
    if event.began:
        return f"Panic: only {share} of {name} would stay in; those that go down stay in until enough are up again"
    verb = "is" if event.total == 1 else "are"
    return f"The panic of {name} is over, {share} {verb} up: those that fail again go out"


def _unjudged(event: Unjudged) -> str:
    fault = f"the fault is on this host: {event.reason}"
    if event.over:
        more = f"; {_checks(event)} said nothing since the last such line" if event.checks else ""
        return f"Checks judge again, a fault of this host is over: {event.reason}{more}"
    if event.checks > 1:
        return f"{_checks(event)} said nothing since the last such line, {fault}"
    target = endpoint(event.check.target.address, event.check.target.port)
    return f"Check {event.check.kind} of {target} says nothing, {fault}"


def _checks(event: Unjudged) -> str:
    return f"{count_of(event.checks, 'check')} of {count_of(event.servers, 'server')}"


@lru_cache(maxsize=64)  # the rows of a virtual follow each other: 1 us of 4 a line
def virtual_name(key: ServiceKey) -> str:
    """Return ``address:port``, or the firewall mark."""
    return str(key.mark) if isinstance(key, FirewallMark) else key.endpoint


def row_name(row: Row, role: Role = Role.REAL) -> str:
    """Return ``virtual server: V`` or ``real server: R (V)``."""
    if isinstance(row, Service):
        return f"virtual server: {virtual_name(row.key)}"
    kind = "fallback" if role is Role.FALLBACK else "real"
    return f"{kind} server: {_server(row)}"


def _server(row: Destination) -> str:
    return f"{row.key.endpoint} ({virtual_name(row.key.service)})"


def _checked(event: Checked) -> str | None:
    step, server = event.transition, f"{event.real} ({event.virtual.id})"
    if step.rose:
        return f"Real server {server} is up: {event.reason}"
    if step.fell or step.first_failure:
        return f"Real server {server} is down: {event.reason}"
    if step.soft_failure:
        count = f"{step.after.failures}/{event.virtual.failurecount}"
        return f"Soft failure real server: {server} failure {count}: {event.reason}"
    if step.recovered:
        return f"Resetting soft failure count: {server}"
    return None


def _written(event: Written) -> str:
    verb, row = event.op.verb, event.op.row
    if isinstance(row, Service):
        if verb is Verb.DELETE:
            return f"Purged virtual server ({event.phase}): {virtual_name(row.key)}"
        return f"{'Added' if verb is Verb.ADD else 'Changed'} {row_name(row)}"
    if verb is not Verb.DELETE:
        change = "Added" if verb is Verb.ADD else "Raised" if event.is_step else _weight_change(event.before, row)
        return f"{change} {row_name(row, event.role)} (Weight set to {row.weight})"
    if event.role is Role.UNKNOWN or event.phase is Phase.STOP:
        return f"Purged real server ({event.phase}): {_server(row)}"
    return f"Deleted {row_name(row, event.role)}"


def _weight_change(before: Row | None, row: Destination) -> str:
    quiesced = isinstance(before, Destination) and before.weight > 0 and row.weight == 0
    return "Quiescent" if quiesced else "Restored"


def _unresolved(event: Unresolved) -> str:
    kinds = (("checked", event.checked), ("not checked", event.unchecked))
    rows = [f"{endpoint(key.address, key.port)} ({word})" for word, keys in kinds for key in keys]
    return (
        f"No address of {_listed(event.names)} is known now, so that what the kernel has of {event.virtual.id} stays: "
        f"{_listed(rows)}"
    )


def _administered(event: Administered) -> str:
    server = f"Real server {event.real} ({event.virtual.id})"
    if event.after:
        return f"{server} is {administrative_text(event.after)}"
    if event.by:
        return f"{server} is ready again, by {event.by.who}{f': {event.by.why}' if event.by.why else ''}"
    was = f", it was {administrative_text(event.before)}" if event.before else ""
    return f"{server} is ready again, its time is over{was}"


def _flapping(event: Flapping) -> str:
    server, window = f"Real server {event.real} ({event.virtual.id})", f"{event.virtual.flapwindow} s"
    if event.over:
        return f"{server} flaps no more"
    panic = event.virtual.panic
    or_few = "" if panic is None else f", or fewer than {panic} % are (panic)"
    return (
        f"{server} flaps, {event.changes} changes in {window}: it stays out until it was good for {window}, "
        f"unless no other server is up{or_few}"
    )


def administrative_text(entry: AdministrativeEntry) -> str:
    """Return ``drained by WHO until TIME: WHY``, the time in the zone of this host."""
    word = "drained" if entry.state is AdministrativeState.DRAIN else "disabled"
    decision = entry.decision
    until = "" if decision.until is None else f" until {local_minute(iso_time(decision.until))}"
    return f"{word} by {decision.who}{until}{f': {decision.why}' if decision.why else ''}"


def _listed(texts: Sequence[str], separator: str = ", ") -> str:
    more = f" and {len(texts) - MAX_LISTED} more" if len(texts) > MAX_LISTED else ""
    return separator.join(texts[:MAX_LISTED]) + more


def _drifted(event: Drifted) -> str:
    return (
        f"Somebody {_repair(event.before, event.found) if event.repaired else _acceptance(event.before, event.found)}"
    )


def _repair(before: Row | None, found: Row | None) -> str:
    match before, found:
        case None, Destination() as row:
            return f"added real server: {_server(row)}, removing it"
        case (Destination() | Service()) as row, None:
            return f"removed {row_name(row)}, adding it again"
        case _:
            return f"changed {row_name(found) if found else 'a row'}, setting it back"


def _acceptance(before: Row | None, found: Row | None) -> str:
    match before, found:
        case Destination() as row, Destination() as now if row.weight != now.weight:
            return f"set the weight of {row_name(now)} to {now.weight}, leaving it so"
        case _, Destination() as now:
            return f"changed the tunnel of {row_name(now)}, leaving it so"
        case _, Service() as now:
            return f"set the persistence engine of {row_name(now)} to {now.engine or 'none'}, leaving it so"
        case _:
            return f"removed {row_name(before) if before else 'a row'}, leaving it so (readdquiescent=no)"


_LINES: Final[Mapping[type[Event], Callable[[Any], str | None]]] = {
    Checked: _checked,
    Probed: _no_line,
    Unjudged: _unjudged,
    Flapping: _flapping,
    Panic: _panic,
    SelfDoubted: _self_doubt,
    HostStalled: _no_line,
    ReportsLost: _no_line,  # the log says more of both
    Written: _written,
    NotWritten: _not_written,
    Drifted: _drifted,
    Unresolved: _unresolved,
    KernelLost: lambda event: f"Cannot reach the kernel's table, checks go on: {event.reason}",
    KernelFound: lambda _: "The kernel's table is in reach again",
    Outage: _no_line,
    Administered: _administered,
    ConfigInForce: _no_line,
    ReloadRefused: _no_line,  # the log says more of it
}
