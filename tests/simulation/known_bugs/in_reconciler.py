"""Bugs of states and of rows: who is up, which rows the kernel should have, and which are written."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from ldirectord_py.checks.base import Result
from ldirectord_py.compiled_real import CompiledReal
from ldirectord_py.daemon.reconciler.compiled_config import CompiledConfig, CompiledVirtual
from ldirectord_py.daemon.reconciler.dirty_set import DirtySet, Scopes
from ldirectord_py.daemon.reconciler.draining import Count, Draining
from ldirectord_py.daemon.reconciler.flap_damper import Damped, FlapDamper
from ldirectord_py.daemon.reconciler.health_table import HealthTable
from ldirectord_py.daemon.reconciler.mirror import Mirror
from ldirectord_py.daemon.reconciler.resync_timer import ResyncTimer
from ldirectord_py.daemon.reconciler.slow_starts import SlowStarts
from ldirectord_py.daemon.reconciler.table_sync import TableSync
from ldirectord_py.damping import KeptState
from ldirectord_py.desired import Administration, DestinationSlot, ServerStates
from ldirectord_py.health import Transition
from ldirectord_py.ipvs.table import Destination, DestinationKey, ServiceKey
from ldirectord_py.report.events import Checked
from simulation.known_bugs.known_bug import Replacement, known_bug


@known_bug("marks-lost", seed=136)
def marks_lost() -> Iterator[Replacement]:
    """What could not be written, as the kernel was out of reach, is not written later."""

    def put_back(_: DirtySet, __: Scopes) -> None:
        pass

    yield DirtySet, "put_back", put_back


@known_bug("refusals-forgotten", seed=22)
def refusals_forgotten() -> Iterator[Replacement]:
    """A row that the kernel refused is not tried again."""
    yield Mirror, "refused", property(lambda _: ())


@known_bug("edit-outlives", seed=120)
def edit_outlives() -> Iterator[Replacement]:
    """A weight set by hand stays when its server goes down or comes up; was in the package once."""

    def mark(sync: TableSync, compiled: CompiledConfig, real: CompiledReal, cause: Checked) -> None:
        rows = compiled.virtuals[real.key.service].affected_rows(real.row)
        sync._dirty.mark(real.key.service, rows)
        sync._causes.add(rows, cause)

    yield TableSync, "mark", mark


@known_bug("drain-uncounted", seed=120)
def drain_uncounted() -> Iterator[Replacement]:
    """A server that is drained still counts as up: without another one, the fallback does not come in."""

    def set_administration(table: HealthTable, administration: Administration) -> None:
        table.administration = administration

    yield HealthTable, "set_administration", set_administration


@known_bug("quiescent-fallback", seed=214)
def quiescent_fallback() -> Iterator[Replacement]:
    """A fallback that is also a real server of a quiescent virtual keeps weight 0 when all are down."""
    row = DestinationSlot.row

    def row_down(slot: DestinationSlot, states: ServerStates, *, all_down: bool) -> Destination | None:
        found = row(slot, states, all_down=all_down)
        return slot.down or found if found is slot.fallback else found

    yield DestinationSlot, "row", row_down


@known_bug("kept-recovery", seed=127)
def kept_recovery() -> Iterator[Replacement]:
    """The recovery of a server that panic keeps in does not count for flapthreshold; was in the package once."""
    damp = FlapDamper.damp

    def damp_others(damper: FlapDamper, real: CompiledReal, step: Transition, result: Result) -> Damped:
        return Damped(step) if isinstance(step.before, KeptState) else damp(damper, real, step, result)

    yield FlapDamper, "damp", damp_others


@known_bug("rise-forgotten", seed=44)
def rise_forgotten() -> Iterator[Replacement]:
    """A reload forgets the servers whose weight rises (slowstart): they keep a part of it."""
    keep_virtuals = SlowStarts.keep_virtuals

    def keep_none(slow_starts: SlowStarts, virtuals: Mapping[ServiceKey, CompiledVirtual]) -> None:
        for key in list(slow_starts._running):
            slow_starts._drop(key)
        keep_virtuals(slow_starts, virtuals)

    yield SlowStarts, "keep_virtuals", keep_none


@known_bug("leaving-cut", seed=43)
def leaving_cut() -> Iterator[Replacement]:
    """The row of a server that left the file (drainremoved) is removed though it has connections."""
    connections = Mirror.connections

    async def none_of(mirror: Mirror, services: Collection[ServiceKey]) -> Mapping[DestinationKey, int]:
        return dict.fromkeys(await connections(mirror, services), 0)

    yield Mirror, "connections", none_of


@known_bug("leaving-stays", seed=43)
def leaving_stays() -> Iterator[Replacement]:
    """The row of a server that left the file stays when its time is over."""

    async def end_none(draining: Draining, _: Count, __: ResyncTimer, now: float) -> dict[ServiceKey, None]:
        draining._schedule(now)
        return {}

    yield Draining, "end", end_none
