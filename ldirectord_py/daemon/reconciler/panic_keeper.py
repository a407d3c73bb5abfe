"""Keeps the servers of a virtual in that go down while too few others would stay (``panic``).

A server that was kept in and fails again when enough are up goes out then: so none goes out and comes in again while a
fault of the director's network ends. Servers that come and go are one panic, however often too few are up.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from collections.abc import Set as AbstractSet
from functools import partial
from typing import NamedTuple, Protocol

from ldirectord_py.compiled_real import CompiledReal
from ldirectord_py.config.model import Virtual
from ldirectord_py.daemon.reconciler.health_table import HealthTable
from ldirectord_py.damping import KeptState, calm_time, too_few
from ldirectord_py.ipvs.table import DestinationKey, ServiceKey
from ldirectord_py.report.events import Checked, Listener, Panic


class PendingCall(Protocol):
    """A call that comes later, unless it is cancelled."""

    def cancel(self) -> None:
        """Cancel it."""


CallLater = Callable[[float, Callable[[], None]], PendingCall]
"""Calls something after so many seconds."""


class _InUse(NamedTuple):
    """How many servers of a virtual are in use, and those of weight 0 or in maintenance, which do not count."""

    total: int
    uncounted: tuple[DestinationKey, ...]


class PanicKeeper:
    """Decides which servers stay in though their checks have taken them down.

    Its state: the virtuals that panic, the calls that end the panic of those that have been calm, the kept servers of
    each, with the event that took it down, and how many servers are in use: neither drained, disabled, in maintenance
    nor of weight 0.
    """

    def __init__(self, table: HealthTable, publish: Listener, call_later: CallLater) -> None:
        self._table = table
        self._publish = publish
        self._call_later = call_later
        self._maintained: AbstractSet[DestinationKey] = frozenset()
        self._panicking: set[ServiceKey] = set()
        self._calming: dict[ServiceKey, PendingCall] = {}
        self._kept: defaultdict[ServiceKey, dict[DestinationKey, Checked]] = defaultdict(dict)
        self._in_use: dict[ServiceKey, _InUse] = {}

    @property
    def kept(self) -> int:
        """How many servers are kept in, without those that are drained or disabled."""
        return sum(map(self._count_ready, self._kept.values()))

    @property
    def verdicts_in_a_row(self) -> Mapping[DestinationKey, tuple[int, int]]:
        """The failures and successes in a row of each kept server, as far as they count."""
        return {
            key: (min(state.failures, self._table.virtual(service).failurecount), state.successes)
            for service, kept in self._kept.items()
            for key in kept
            if (state := self._table.health.get(key)) is not None
        }

    def is_needed(self, real: CompiledReal) -> bool:
        """Return whether a server that is down by its checks has to stay in, as too few of its virtual are up.

        One that is drained, disabled or of weight 0 never has to: it does not count among them.
        """
        panic = real.virtual.panic
        if panic is None or not real.real.weight or real.key in self._table.administration:
            return False
        return too_few(*self._share(real.key.service), panic)

    def keep_in(self, real: CompiledReal, fall: Checked) -> None:
        """Keep a server in that the table has taken out, and publish the event of its fall, and of the panic."""
        service = real.key.service
        share = self._share(service)
        self._kept[service][real.key] = fall
        self._table.set_state(real.key, KeptState(*self._table.health[real.key])._replace(up=True))
        self._publish(fall)
        self._begin_panic(real.virtual, share)

    def release(self, key: DestinationKey) -> Checked:
        """Keep a server no more; return the event that took it down."""
        kept = self._kept[key.service]
        fall = kept.pop(key)
        if not kept:
            del self._kept[key.service]
        return fall

    def review(self, services: Iterable[ServiceKey]) -> None:
        """Find out whether these virtuals panic: whether servers are kept in, and too few others are up.

        The end of a panic is published once it has not come back for a while, or at once if ``panic`` is off now.
        """
        for service in [each for each in services if each in self._panicking or self._kept.get(each)]:
            virtual = self._table.virtuals[service].virtual
            share = self._share(service)
            if virtual.panic is None:
                self._end_panic(service)
            elif self._kept.get(service) and too_few(*share, virtual.panic):
                self._begin_panic(virtual, share)
            elif service in self._panicking and service not in self._calming:
                seconds = calm_time(virtual.checkinterval, virtual.failurecount)
                self._calming[service] = self._call_later(seconds, partial(self._end_panic, service))

    def _begin_panic(self, virtual: Virtual, share: tuple[int, int]) -> None:
        """Publish that a panic begins, unless one goes on or was to end soon."""
        self._stop_calming(virtual.key)
        if virtual.key not in self._panicking:
            self._panicking.add(virtual.key)
            self._publish(Panic(virtual, *share))

    def _end_panic(self, service: ServiceKey) -> None:
        self._stop_calming(service)
        if service in self._panicking:
            self._panicking.remove(service)
            self._publish(Panic(self._table.virtual(service), *self._share(service), began=False))

    def _stop_calming(self, service: ServiceKey) -> None:
        if (call := self._calming.pop(service, None)) is not None:
            call.cancel()

    def set_maintained(self, maintained: AbstractSet[DestinationKey]) -> None:
        """Do not count these servers."""
        self._maintained = maintained
        self.recount()

    def recount(self) -> None:
        """Count anew, as servers were drained or disabled or are ready again."""
        self._in_use.clear()

    def retain(self, maintained: AbstractSet[DestinationKey]) -> None:
        """Keep only servers that the table still has, after it got another configuration; ``review`` is to follow."""
        self.set_maintained(maintained)
        for key in [key for kept in self._kept.values() for key in kept]:
            if not isinstance(self._table.health.get(key), KeptState):
                self.release(key)
        for service in self._panicking - self._table.virtuals.keys():
            self._panicking.remove(service)
            self._stop_calming(service)

    def _share(self, service: ServiceKey) -> tuple[int, int]:
        """Return how many servers of a virtual are up by their checks, and how many are in use."""
        if (in_use := self._in_use.get(service)) is None:
            in_use = self._in_use[service] = self._count_in_use(service)
        kept = self._kept.get(service, ())
        good = self._table.up_in(service) - self._count_ready(kept)
        good -= sum(self._table.health[key].up for key in in_use.uncounted if key not in kept)
        return good, in_use.total

    def _count_in_use(self, service: ServiceKey) -> _InUse:
        reals, administration = self._table.virtuals[service].reals, self._table.administration
        ready = [real for key, real in reals.items() if key not in administration]
        uncounted = tuple(real.key for real in ready if not real.real.weight or real.key in self._maintained)
        return _InUse(len(ready) - len(uncounted), uncounted)

    def _count_ready(self, keys: Collection[DestinationKey]) -> int:
        administration = self._table.administration
        return sum(key not in administration for key in keys) if administration else len(keys)
