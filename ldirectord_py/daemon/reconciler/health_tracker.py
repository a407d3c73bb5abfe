"""Applies the results of checks, and maintenance, to the health table."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import partial
from itertools import chain
from typing import Final

from ldirectord_py.checks.base import Check, Result
from ldirectord_py.checks.codes import ReasonCode
from ldirectord_py.compiled_real import CompiledReal
from ldirectord_py.config.model import CheckType, Virtual
from ldirectord_py.daemon.history.results import ResultHistory
from ldirectord_py.daemon.reconciler.compiled_config import CompiledConfig
from ldirectord_py.daemon.reconciler.departed import Departed, DepartedServers, departing
from ldirectord_py.daemon.reconciler.flap_damper import Damped, FlapDamper, Released
from ldirectord_py.daemon.reconciler.health_table import HealthTable, KernelRows, initial_states
from ldirectord_py.daemon.reconciler.panic_keeper import PanicKeeper
from ldirectord_py.daemon.reconciler.slow_starts import SlowStarts
from ldirectord_py.daemon.reconciler.unjudged import UnjudgedChecks
from ldirectord_py.damping import FlappingState, KeptState, by_checks
from ldirectord_py.health import HealthState, Transition, Verdict
from ldirectord_py.ipvs.table import DestinationKey, ServiceKey
from ldirectord_py.report.events import Checked, Event, Listener, Outage, Phase, Probed

IN_MAINTENANCE: Final = Result(Verdict.MAINTENANCE, "Server in maintenance", 0.0, ReasonCode.MAINT)
OUT_OF_MAINTENANCE: Final = Result(Verdict.UP, "Server out of maintenance", 0.0, ReasonCode.MAINT)


class HealthTracker:
    """Applies verdicts to the real servers, and publishes each change.

    ``on_change`` is called for a server that came up or went down. Its state: the health ``table``, the servers that
    flap (``flaps``), those that ``panics`` keep in, those whose weight rises (``slow_starts``), those that left and may
    be back (``departed``), the last ``results`` of each check, the servers in maintenance (``maintained``), the checks
    that faults of this host keep from judging, the servers without a verdict so far, with the phase that brought them,
    and the ``fallbackcommand`` of each virtual whose outage is published.
    """

    def __init__(self, publish: Listener, on_change: Callable[[CompiledReal, Checked], None]) -> None:
        self.table = HealthTable()
        self.panics = PanicKeeper(self.table, publish, _call_later)
        self.flaps = FlapDamper(self.table, self.panics.is_needed)
        self.slow_starts = SlowStarts()
        self.departed = DepartedServers()
        self.results = ResultHistory()
        self.maintained: frozenset[DestinationKey] = frozenset()
        self._publish = publish
        self._on_change = on_change
        self._unjudged = UnjudgedChecks(publish)
        self._first_phases: dict[DestinationKey, Phase] = {}
        self._outages: dict[ServiceKey, str | None] = {}

    def observe(self, compiled: CompiledConfig, check: Check, result: Result) -> None:
        """Apply the result of a probe to the servers that the check informs; ignore a check that is not in force."""
        reals = compiled.plan.get(check)
        if reals is None:
            return
        if not self.results.record(check, result):
            self._unjudged.add(check, result.reason)
            return
        self._unjudged.remove(check)
        for real in reals:
            in_maintenance = real.key in self.maintained
            if not in_maintenance:
                self._judge(real, result)
            if real.virtual.monitorfile is not None:
                self._publish(Probed(real.virtual, real.real, IN_MAINTENANCE if in_maintenance else result))

    def set_maintenance(self, compiled: CompiledConfig, keys: AbstractSet[DestinationKey]) -> None:
        """Put exactly these servers in maintenance; some may belong only to a later configuration."""
        former, self.maintained = self.maintained, frozenset(keys)
        self.panics.set_maintained(self.maintained)
        for key in [key for key in self.table.health if key in self.maintained and key not in former]:
            real = compiled.real(key)
            self._publish_all(self.flaps.forget(real))
            self._judge(real, IN_MAINTENANCE)
        if former - self.maintained:
            self._end_maintenance(
                compiled, [key for key in self.table.health if key in former and key not in self.maintained]
            )
        self.panics.review({key.service for key in former ^ self.maintained})

    def _end_maintenance(self, compiled: CompiledConfig, keys: Iterable[DestinationKey]) -> None:
        """Judge servers by their checks again, at once by the last result of each."""
        results = compiled.known_results(self.results.verdicts())
        for key in keys:
            self.table.reset(key)
            self.slow_starts.forget_failure(key)
            real = compiled.real(key)
            result = OUT_OF_MAINTENANCE if real.always_up else results.get(key)
            if result is not None:
                self._judge(real, result)
            self.flaps.forget(real)

    def publish_outages_of(self, services: Iterable[ServiceKey]) -> None:
        """Publish the outages of these services that begin or end because servers are drained, disabled or ready."""
        services = dict.fromkeys(services)
        self.panics.recount()
        self.panics.review(services)
        for service in services:
            self._publish_outage(self.table.virtual(service))

    def remember_departing(self, compiled: CompiledConfig, left: Collection[DestinationKey]) -> None:
        """Remember the states of the servers that a configuration lacks and whose rows are ``left`` to drain."""
        for real in departing(self.table.virtuals, compiled, left):
            history, failed = self.flaps.pop_history(real.key), real.key in self.slow_starts.failed
            self.departed.add(real.key, Departed(real.row, self.table.health[real.key], history, failed))

    def switch_config(self, compiled: CompiledConfig, phase: Phase, rows: KernelRows) -> None:
        """Give each server its state: its own, else by the last result of its check, else by its row in the kernel."""
        self.results.keep(compiled.plan)
        self._count(compiled)
        self._unjudged.keep(compiled.plan)
        changed = self.table.replace_virtuals(
            compiled.virtuals, self.maintained, partial(self._initial_states, compiled, phase, rows)
        )
        self.panics.retain(self.maintained)
        self.slow_starts.keep_virtuals(compiled.virtuals)
        for key in changed:
            if key in self.maintained:
                self._apply_verdict(compiled.real(key), IN_MAINTENANCE)
        self.panics.review(compiled.virtuals)
        for event, released in self.flaps.drop_undamped():
            self._publish_released(released)
            self._publish(event)
        self._first_phases = {key: first for key, first in self._first_phases.items() if key in self.table.health}

    def _count(self, compiled: CompiledConfig) -> None:
        """Count the results of checks in the virtuals that they inform; only those of changed virtuals have moved."""
        former, new = self.table.virtuals, compiled.virtuals
        self.results.counters.retain(new)
        changed = [key for key in {**former, **new} if former.get(key) is not new.get(key)]
        versions = [each for key in changed for each in (former.get(key), new.get(key)) if each is not None]
        for check in dict.fromkeys(chain.from_iterable(each.checks for each in versions)):
            if check is not None and check in compiled.plan:
                self.results.count(check, _services(compiled.plan[check]))

    def _initial_states(
        self, compiled: CompiledConfig, phase: Phase, rows: KernelRows, keys: AbstractSet[DestinationKey]
    ) -> Mapping[DestinationKey, HealthState]:
        """Return the first states of these servers: of one that is back or that flapped before the start, its own."""
        states = dict(initial_states(compiled, self.results.verdicts(), rows, keys))
        returned = self.departed.pop_returned(compiled.virtuals, keys)
        for key, departed in returned.items():
            states[key] = departed.state_again
            if departed.failed:
                self.slow_starts.record_failure(key)
            if departed.history is not None and key not in self.maintained:
                self.flaps.restore(key, departed.history)
        flapping = {key: FlappingState(*states[key]) for key in keys & self.flaps.flapping}
        checked = [each.reals for each in compiled.virtuals.values() if each.virtual.checktype is not CheckType.ON]
        new = keys - returned.keys() - flapping.keys() if returned or flapping else keys
        self._first_phases |= {key: phase for reals in checked for key in reals if key in new}
        return states | flapping

    def publish_outages(self, compiled: CompiledConfig) -> None:
        """Publish the outages that a configuration begins or ends; call this once its rows are written.

        Another ``fallbackcommand`` makes it a new outage.
        """
        commands = {virtual.key: virtual.fallbackcommand for virtual in compiled.config.virtuals}
        self._outages = {
            key: command for key, command in self._outages.items() if key in commands and commands[key] == command
        }
        for virtual in compiled.config.virtuals:
            self._publish_outage(virtual)

    def _judge(self, real: CompiledReal, result: Result) -> None:
        """Apply a verdict; publish an outage that begins or ends with it."""
        if self.table.transition(real.key, result.verdict, real.rules) is None:
            return  # nearly all probes: 1.4 us for a result instead of 1.8
        down = self.table.all_down(real.key.service)
        self._apply_verdict(real, result)
        if self.table.all_down(real.key.service) is not down:
            self._publish_outage(real.virtual)

    def _publish_outage(self, virtual: Virtual) -> None:
        """Publish the beginning or the end of an outage, unless that is published already."""
        self._readmit_while(lambda: self.table.all_down(virtual.key), virtual.key)
        down = self.table.all_down(virtual.key)
        if down is (virtual.key in self._outages):
            return
        if down:
            self._outages[virtual.key] = virtual.fallbackcommand
        else:
            del self._outages[virtual.key]
        self._publish(Outage(virtual, began=down))

    def _apply_verdict(self, real: CompiledReal, result: Result) -> None:
        step = self.table.observe(real.key, result.verdict, real.rules)
        if step is None:
            return
        if result.verdict is Verdict.DOWN and not step.after.up:
            self.slow_starts.record_failure(real.key)
        phase = self._pop_first_phase(real.key)
        damped = Damped(step)
        is_damped = real.virtual.flapthreshold is not None and result.verdict is not Verdict.MAINTENANCE
        if is_damped and phase is Phase.RUN:
            damped = self.flaps.damp(real, step, result)
        if damped.step is not None:
            self._publish_step(real, damped.step, result, phase)
        self._publish_all(damped.event)

    def _pop_first_phase(self, key: DestinationKey) -> Phase:
        phase = self._first_phases.pop(key, Phase.RUN)
        if not self._first_phases:
            self._first_phases.clear()  # an empty dict keeps its memory: 30 bytes of each server that it had
        return phase

    def _publish_step(self, real: CompiledReal, step: Transition, result: Result, phase: Phase) -> None:
        if isinstance(step.after, KeptState):
            self._observe_kept(real, step)
            return
        checked = Transition(by_checks(step.before), step.after)
        event = Checked(real.key, real.virtual, real.real, checked, result.reason, phase, result.code)
        if step.fell and result.verdict is Verdict.DOWN and self._is_needed_after_readmission(real):
            self.panics.keep_in(real, event)
            return
        if isinstance(step.before, KeptState):
            self._release(real, step.after)
        if step.rose or step.fell:
            self._change_row(real, event)
        elif checked.rose:
            self._on_change(real, event)  # it was kept in: a weight that was set by hand ends
        self._publish(event)
        if checked.rose or checked.fell:
            self.panics.review((real.key.service,))

    def _change_row(self, real: CompiledReal, event: Checked) -> None:
        self.slow_starts.follow_change(real, event)
        self._on_change(real, event)

    def _observe_kept(self, real: CompiledReal, step: Transition) -> None:
        """Take out a server that panic has kept in, and that fails again, unless it is still needed."""
        if step.after.failures and not self.panics.is_needed(real):
            fall = self._release(real, HealthState(failures=real.rules.fall))
            self._change_row(real, fall)
            self.panics.review((real.key.service,))

    def _is_needed_after_readmission(self, real: CompiledReal) -> bool:
        """Let in servers that flap and pass while panic needs one that goes down; return whether it still needs it."""
        self._readmit_while(lambda: self.panics.is_needed(real), real.key.service)
        return self.panics.is_needed(real)

    def _readmit_while(self, too_few_are_up: Callable[[], bool], service: ServiceKey) -> None:
        """Let in servers of a virtual that flap and pass, one after the other, while too few others are up."""
        flapping = self.flaps.readmit(service)
        while too_few_are_up() and (released := next(flapping, None)) is not None:
            self._publish_released(released)

    def _release(self, real: CompiledReal, state: HealthState) -> Checked:
        """Keep a server no more, which is in this state and may flap; return the event that took it down."""
        self.table.set_state(real.key, FlappingState(*state) if real.key in self.flaps.flapping else state)
        return self.panics.release(real.key)

    def _publish_released(self, released: Released | None) -> None:
        if released is not None:
            self._publish_step(*released, Phase.RUN)

    def _publish_all(self, *events: Event | None) -> None:
        for event in events:
            if event is not None:
                self._publish(event)


def _call_later(seconds: float, call: Callable[[], None]) -> asyncio.TimerHandle:
    return asyncio.get_running_loop().call_later(seconds, call)


def _services(reals: Sequence[CompiledReal]) -> Collection[ServiceKey]:
    if len(reals) == 1:  # nearly all checks
        return (reals[0].key.service,)
    return tuple(dict.fromkeys(real.key.service for real in reals))
