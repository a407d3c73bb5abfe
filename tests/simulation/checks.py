"""The invariants that hold at every moment, checked at each probe, each event and each write to the kernel.

``truth.py`` has those of quiet moments. The numbers are those of docs/reliability.md.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from ldirectord_py.config.model import Virtual
from ldirectord_py.health import HealthState
from ldirectord_py.ipvs.diff import Op, Verb
from ldirectord_py.ipvs.table import Destination, Row, Service, VirtualAddress, service_of
from ldirectord_py.report.events import Checked, ConfigInForce, Event, KernelFound, KernelLost, Written
from simulation.clock import CLOCK
from simulation.conversation import MARGIN, Told
from simulation.damping_checks import DampingChecks
from simulation.rising_weights import RisingWeights

if TYPE_CHECKING:
    from simulation.servers import Server
    from simulation.world import World

WRITE_TIME: Final = 1.0
"""Seconds after a change in which the kernel's table follows it (I1)."""

BURST: Final = 3
"""Probes that may pass within less than an interval: a late one, and that of its slot."""

SLACK: Final = 1.5
"""Seconds by which a probe may begin late beyond interval and timeout: jitter, ticks, and repeats in doubt."""

REPORT_TIME: Final = 0.05
"""Seconds until the director knows what a worker has found."""


class Checks:
    """Its state: how often each invariant was checked, and the violations; the ops that no event has told of yet; when
    something changed last that the table has to follow, and when the watchdog was reset last.

    ``states`` are those of the servers as the last events have told them, ``may_leave_until`` when a write that
    takes out the row of each may begin at the latest: WRITE_TIME after its server went down, or came up while the row
    may have been in use otherwise (as the fallback, or kept in by panic); else when its server came up.
    """

    def __init__(self, world: World) -> None:
        self.world = world
        self.counts: Counter[str] = Counter()
        self.violations: list[str] = []
        self.untold: Counter[tuple[Verb, Row]] = Counter()
        self.states: dict[object, HealthState] = {}
        self.may_leave_until: dict[object, float] = {}
        self.last_change = CLOCK.now
        self.last_watchdog_reset = CLOCK.now
        self.damping = DampingChecks(world)
        self.rising = RisingWeights(world)

    def fail(self, invariant: str, what: str) -> None:
        """Record a violation."""
        self.violations.append(f"{invariant} at {CLOCK.now - self.world.begin:.3f} s: {what}")

    def on_loop_fault(self, context: dict[str, Any]) -> None:
        """Record an exception that nobody handled."""
        self.fail("I9", f"{context.get('message')}: {context.get('exception')!r}")

    def on_begin(self, server: Server) -> None:
        """Check, at the beginning of a probe, that it is not late, and alone."""
        now, attempts = CLOCK.now, server.attempts
        self.counts["I4"] += 1
        if server.open:
            self._check_alone(server, now)
        if not attempts:
            return
        self.counts["I3"] += 1
        elapsed = now - attempts[-1].begin
        if elapsed < 0.9 * server.checkinterval:
            self._check_burst(server, now)
        if elapsed - server.max_interval - server.timeout > SLACK:
            self._check_lateness(server)

    def _check_alone(self, server: Server, now: float) -> None:
        if len(server.open) > self.world.extra_probes and min(each.begin for each in server.open) < now - MARGIN:
            self.fail("I4", f"{len(server.open) + 1} probes of a server in flight")

    def _check_lateness(self, server: Server) -> None:
        """Check a probe that begins late, though nothing excuses it."""
        world = self.world
        since = max(server.attempts[-1].begin, world.undisturbed_since, server.planned_since, world.started)
        late = CLOCK.now - since - server.max_interval - server.timeout
        if late > SLACK:
            self.fail("I3", f"a probe begins {late:.2f} s after interval and timeout")

    def _check_burst(self, server: Server, now: float) -> None:
        """Check that a good server is not probed several times within an interval, as by a process that catches up."""
        last = list(server.attempts)[-BURST:]
        if len(last) < BURST or now - last[0].begin >= 0.9 * server.checkinterval:
            return
        is_steady = last[0].begin >= max(self.world.started, self.world.operator.in_force_since)
        if is_steady and not server.is_doubtful and all(each.told is Told.GOOD for each in last):
            self.fail("I3", f"{BURST + 1} probes within an interval")

    def on_event(self, event: Event) -> None:
        """Check an event of the director."""
        match event:
            case Checked():
                self._on_checked(event)
            case Written():
                self._on_written(event)
            case ConfigInForce():
                self.last_change = CLOCK.now
                self.states.clear()
                self._note_planned()
            case KernelLost() | KernelFound():
                self.last_change = CLOCK.now
        self.rising.on_event(event)
        self.damping.on_event(event)
        self.world.trace(type(event).__name__, *_summary(event))

    def on_op(self, op: Op, before: Row | None, error: int) -> None:
        """Check a write to the kernel."""
        self.last_change = CLOCK.now
        self.world.trace("op", op.verb.name, _row(op.row), error)
        self._check_ours(op)
        if error:
            return
        self.untold[op.verb, op.row] += 1
        self.counts["I6"] += 1
        if op.verb is Verb.EDIT and before == op.row:
            self.fail("I6", f"a write that changes nothing: {op}")
        if isinstance(op.row, Destination) and isinstance(before, Destination) and before.weight:
            self._check_removal(op, op.row)
        if isinstance(op.row, Service) and op.verb is Verb.DELETE:
            self._check_service_removal(op.row)
        self.world.leaving.on_op(op)

    def on_lost_answer(self) -> None:
        """Expect no events of what was written so far: the director does not know of it."""
        self.untold.clear()

    def on_watchdog(self) -> None:
        """Note that the watchdog was reset."""
        self.last_watchdog_reset = CLOCK.now

    def _note_planned(self) -> None:
        """Note since when each server is probed."""
        if (director := self.world.process.director) is None:
            return
        planned = {(str(check.target.address), check.target.port) for check in director.compiled.plan}
        for address, server in self.world.network.servers.items():
            if address not in planned:
                server.planned_since = math.inf
            elif server.planned_since == math.inf:
                server.planned_since = CLOCK.now

    def _on_checked(self, event: Checked) -> None:
        step, virtual = event.transition, event.virtual
        key = virtual.key, event.real.server, event.real.port
        self.counts["I9"] += 1
        before, damped = self.states.get(key, step.before), _is_damped(virtual)
        if before.up is not step.before.up or (before != step.before and not damped):
            self.fail("I9", f"no event tells how {event.real} became {step.before}, it was {before}")
        self.states[key] = step.after
        if not (step.rose or step.fell):
            return
        grace = WRITE_TIME if step.fell or damped or virtual.fallback is not None else 0.0
        self.may_leave_until[key] = max(CLOCK.now + grace, self.may_leave_until.get(key, 0.0))
        self.last_change = CLOCK.now
        server = self.world.network.servers[str(event.real.server), event.real.port]
        if server.is_doubtful:
            return
        find = _unfounded_fall if step.fell else _unfounded_rise
        self.counts["I2"] += 1
        if all(faults := [find(event, told) for told in self._possible_attempts(server)]):
            self.fail("I2", f"{event.real} is {faults[0]}")

    def _possible_attempts(self, server: Server) -> Iterator[list[Told]]:
        """Yield what the director may know of a server: a worker sends the results of a moment together."""
        known = [each for each in server.attempts if each.begin >= self.world.started]
        yield [each.told for each in known]
        while self.world.operator.site.workers and known and CLOCK.now - known[-1].end < REPORT_TIME:
            known.pop()
            yield [each.told for each in known]

    def _on_written(self, event: Written) -> None:
        self.counts["I9"] += 1
        key = event.op.verb, event.op.row
        if isinstance(event.op.row, Destination) and event.op.verb is Verb.DELETE and not self.untold[key]:
            return  # it went with its service
        if not self.untold[key]:
            self.fail("I9", f"an event tells of a write that did not happen: {event.op}")
        self.untold[key] -= 1
        if not self.untold[key]:
            del self.untold[key]

    def _check_ours(self, op: Op) -> None:
        self.counts["I5"] += 1
        if service_of(op.row.key) in self.world.operator.foreign:
            self.fail("I5", f"a write to a service of others: {op}")

    def _check_removal(self, op: Op, row: Destination) -> None:
        """Check that a server with weight is taken out for a reason, and the last one only if no other is good."""
        self.counts["I7"] += 1
        director = self.world.process.director
        removed = op.verb is Verb.DELETE or not row.weight
        if not removed or director is None or self.world.process.is_stopping:
            return
        compiled, began = director.compiled.virtuals.get(row.key.service), self.world.kernel.write_began
        for real in compiled.reals.values() if compiled else ():
            is_up = director.health[real.key].up and real.key not in director.administered
            server = real.key.service, real.real.server, real.real.port
            had_reason = began <= self.may_leave_until.get(server, -math.inf)
            if real.row == row.key and real.real.weight and is_up and not had_reason:
                self.fail("I7", f"a server that is up and configured is taken out: {op}")
        self.world.truth.look_at_pool(row.key.service)

    def _check_service_removal(self, row: Service) -> None:
        self.counts["I5"] += 1
        process = self.world.process
        if process.director is not None and not process.is_stopping and row.key in process.director.compiled.virtuals:
            self.fail("I5", f"a service of the configuration is removed: {row.key}")


def _summary(event: Event) -> tuple[object, ...]:
    match event:
        case Checked(_, virtual, real, step, reason):
            return virtual.id, real, step.before, step.after, reason
        case Written(op):
            return op.verb.name, _row(op.row)
        case _:
            return ()


def _unfounded_fall(event: Checked, told: list[Told]) -> str:
    """Return what is wrong with the fall of a server that was told this, "" for nothing."""
    failures = 0
    for each in reversed(told):
        if each is Told.GOOD:
            break
        failures += each in (Told.BAD, Told.UNCLEAR)
    if failures >= event.virtual.failurecount:
        return ""
    return f"down ({event.reason}) after {failures} failures of its own: {_words(told)}"


def _unfounded_rise(event: Checked, told: list[Told]) -> str:
    """Return what is wrong with the rise of a server that was told this, "" for nothing.

    With ``flapthreshold`` it may come in later: as long as it has not failed often enough to be down again.
    """
    last = [each for each in reversed(told) if each is not Told.NOTHING]
    failures = next((index for index, each in enumerate(last) if each is not Told.BAD), len(last))
    if not last or (event.virtual.flapthreshold is not None and failures < event.virtual.failurecount):
        return ""
    successes = next((index for index, each in enumerate(last) if each is Told.BAD), len(last))
    return "" if successes >= event.virtual.successcount else f"up after {successes} successes: {_words(told)}"


def _is_damped(virtual: Virtual) -> bool:
    return virtual.flapthreshold is not None or virtual.panic is not None


def _words(told: list[Told]) -> str:
    return " ".join(each.name.lower() for each in told[-6:])


def _row(row: Row) -> str:
    """Return a row in short."""
    if isinstance(row, Service):
        return f"{row.key} {row.scheduler}"
    service = row.key.service
    return f"{row.key.endpoint} of {service.endpoint if isinstance(service, VirtualAddress) else service} {row.weight}"
