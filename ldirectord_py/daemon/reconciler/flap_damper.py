"""Keeps servers that flap out of the table, unless no other of their virtual is up, or fewer than ``panic`` needs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from typing import NamedTuple

from ldirectord_py.checks.base import Result
from ldirectord_py.compiled_real import CompiledReal
from ldirectord_py.config.model import CheckType, Virtual
from ldirectord_py.daemon.reconciler.health_table import HealthTable
from ldirectord_py.damping import FlapHistory, FlappingState, FlapRules, by_checks
from ldirectord_py.health import HealthState, Transition, Verdict
from ldirectord_py.ipvs.table import DestinationKey, ServiceKey
from ldirectord_py.report.events import Flapping


class Damped(NamedTuple):
    """The ``step`` that a server takes after all, None if it stays out; and the event that it flaps, or no more."""

    step: Transition | None
    event: Flapping | None = None


class Released(NamedTuple):
    """A server that comes in though it flaps or flapped: its step, and the last result of its check that passed."""

    real: CompiledReal
    step: Transition
    result: Result


_STEADY = FlapHistory()


class FlapDamper:
    """Judges the steps of servers whose virtual has ``flapthreshold``: each is a Transition of the health table.

    ``is_needed`` returns whether too few servers of a virtual are up for its ``panic``; ``on_change`` is called when a
    history has changed that a restart has to know. Its state: the history of each server that changed its state, and
    the last passed result of those that flap.
    """

    def __init__(
        self,
        table: HealthTable,
        is_needed: Callable[[CompiledReal], bool],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._table = table
        self._is_needed = is_needed
        self._clock = clock
        self.on_change: Callable[[], None] = _do_nothing
        self._histories: dict[DestinationKey, FlapHistory] = {}
        self._passed: dict[DestinationKey, Result | None] = {}

    @property
    def flapping(self) -> AbstractSet[DestinationKey]:
        """The servers that flap."""
        return self._passed.keys()

    @property
    def histories(self) -> Mapping[DestinationKey, FlapHistory]:
        """What each server did that changed its state."""
        return self._histories

    def restore(self, key: DestinationKey, history: FlapHistory) -> None:
        """Go on with a history that was kept while nobody checked the server.

        The table is to have a FlappingState if it flaps; it has to be good for a whole window from now on.
        """
        self._histories[key] = history._replace(good_since=None)
        if history.flapping:
            self._passed[key] = None
        self.on_change()

    def pop_history(self, key: DestinationKey) -> FlapHistory | None:
        """Return the history of a server, and forget it without an event."""
        self._passed.pop(key, None)
        return self._histories.pop(key, None)

    def damp(self, real: CompiledReal, step: Transition, result: Result) -> Damped:
        """Return the step that a server takes after all; the table has made the one that its checks ask for already.

        A server that panic keeps in changes its state as its checks say, and stays in.
        """
        history = self._histories.get(real.key, _STEADY)
        if history.flapping:
            return self._observe(real, step, result, history)
        checked = Transition(by_checks(step.before), by_checks(step.after))
        if not (checked.rose or checked.fell):
            return Damped(step)
        history = self._histories[real.key] = history.changed(checked.after, self._clock(), _rules(real.virtual))
        self.on_change()
        if not history.flapping:
            return Damped(step)
        self._passed[real.key] = result if checked.rose else None
        state, event = FlappingState(*step.after), Flapping(real.virtual, real.real, len(history.changes))
        self._table.set_state(real.key, state._replace(up=state.up and not step.rose))
        if step.rose and not self._is_missed(real):
            return Damped(None, event)
        self._table.set_state(real.key, state)
        return Damped(step, event)

    def _is_missed(self, real: CompiledReal) -> bool:
        """Return whether a server that is out has to come in though it flaps: no other is up, or panic has too few."""
        return self._serves(real) and (self._table.all_down(real.key.service) or self._is_needed(real))

    def _serves(self, real: CompiledReal) -> bool:
        """Return whether a server would get connections if it were in."""
        return real.real.weight > 0 and real.key not in self._table.administration

    def _observe(self, real: CompiledReal, step: Transition, result: Result, history: FlapHistory) -> Damped:
        history = history.observed(result.verdict, self._clock(), _rules(real.virtual), real.rules)
        self._histories[real.key] = history
        if history.checked.up and result.verdict is Verdict.UP:
            self._passed[real.key] = result
        if not history.flapping:
            del self._passed[real.key]
            self.on_change()
            after = HealthState(up=True, successes=real.rules.rise)
            self._table.set_state(real.key, after)
            return Damped(None if step.before.up else Transition(step.before, after), _over(real))
        if step.before.up:
            return Damped(step)
        if history.checked.up and result.verdict is Verdict.UP and self._is_missed(real):
            return Damped(self._let_in(real.key))
        return Damped(None)

    def readmit(self, service: ServiceKey) -> Iterator[Released]:
        """Let in the next server of a virtual that flaps and passes, each time one is asked for."""
        reals = self._table.virtuals[service].reals
        for key, result in list(self._passed.items()):
            if key.service != service or result is None or not self._serves(reals[key]):
                continue
            if self._histories[key].checked.up and not self._table.health[key].up:
                yield Released(reals[key], self._let_in(key), result)

    def forget(self, real: CompiledReal) -> Flapping | None:
        """Forget what a server did, as an operator takes it in hand; return the event that it flaps no more, if so."""
        if self._histories.pop(real.key, None) is not None:
            self.on_change()
        if real.key not in self._passed:
            return None
        del self._passed[real.key]
        state = self._table.health[real.key]
        if isinstance(state, FlappingState):
            self._table.set_state(real.key, HealthState(*state))
        return _over(real)

    def drop_undamped(self) -> Iterator[tuple[Flapping, Released | None]]:
        """Forget the servers that the table does not have any more, or whose virtual has no ``flapthreshold`` now.

        Yields the event of each of the latter that flaps no more, and its step if it comes in.
        """
        for key, history in list(self._histories.items()):
            virtual = self._table.virtuals.get(key.service)
            real = virtual.reals.get(key) if virtual else None
            if real is None or real.virtual.flapthreshold is None or real.virtual.checktype is CheckType.ON:
                del self._histories[key]
                result = self._passed.pop(key, None)
                self.on_change()
                if real is not None and history.flapping:
                    yield _over(real), self._release(real, history.checked, result)

    def _release(self, real: CompiledReal, checked: HealthState, result: Result | None) -> Released | None:
        before = self._table.health[real.key]
        if not isinstance(before, FlappingState):  # it is kept in, or needs no check now
            return None
        self._table.set_state(real.key, checked)
        came_in = checked.up and not before.up
        return Released(real, Transition(before, checked), result) if came_in and result else None

    def _let_in(self, key: DestinationKey) -> Transition:
        before = self._table.health[key]
        self._table.set_state(key, FlappingState(*before)._replace(up=True))
        return Transition(before, self._table.health[key])


def _rules(virtual: Virtual) -> FlapRules:
    return FlapRules(virtual.flapthreshold or 0, virtual.flapwindow)


def _over(real: CompiledReal) -> Flapping:
    return Flapping(real.virtual, real.real, 0, over=True)


def _do_nothing() -> None:
    pass
