"""Counts the events of a daemon."""

from __future__ import annotations

import errno
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, Final

from ldirectord_py.ipvs.diff import Verb
from ldirectord_py.ipvs.table import ServiceKey
from ldirectord_py.report.events import (
    ConfigInForce,
    Drifted,
    Event,
    Flapping,
    KernelFound,
    KernelLost,
    NotWritten,
    Outage,
    Panic,
    SelfDoubted,
    Written,
)


class EventCounters:
    """A Listener. Its state: how many outages began, how often servers began to flap, and so on.

    ``refusals`` are those of the kernel, by the name of their errno. Virtuals that leave the configuration are
    forgotten.
    """

    def __init__(self) -> None:
        self.outages: Counter[ServiceKey] = Counter()
        self.writes: Counter[Verb] = Counter()
        self.refusals: Counter[str] = Counter()
        self.drift: Counter[bool] = Counter()
        self.flaps = self.panics = self.self_doubts = 0
        self.kernel_losses = 0
        self.kernel_lost = False
        self._handlers: Final[Mapping[type[Event], Callable[[Any], None]]] = {
            Outage: self._outage,
            Flapping: self._flapping,
            Panic: self._panic,
            SelfDoubted: self._self_doubted,
            Written: self._written,
            NotWritten: self._not_written,
            Drifted: self._drifted,
            ConfigInForce: self._config_in_force,
            KernelLost: self._kernel_lost,
            KernelFound: self._kernel_found,
        }

    def __call__(self, event: Event) -> None:
        """Count an event."""
        handler = self._handlers.get(type(event))
        if handler is not None:
            handler(event)

    def _outage(self, event: Outage) -> None:
        self.outages[event.virtual.key] += event.began

    def _flapping(self, event: Flapping) -> None:
        self.flaps += not event.over

    def _panic(self, event: Panic) -> None:
        self.panics += event.began

    def _self_doubted(self, event: SelfDoubted) -> None:
        self.self_doubts += not event.over

    def _written(self, event: Written) -> None:
        self.writes[event.op.verb] += 1

    def _not_written(self, event: NotWritten) -> None:
        self.refusals[errno.errorcode.get(event.refused.errno, "other")] += 1

    def _drifted(self, event: Drifted) -> None:
        self.drift[event.repaired] += 1

    def _config_in_force(self, event: ConfigInForce) -> None:
        virtuals = event.config.virtuals
        if self.outages:
            _retain(self.outages, {virtual.key for virtual in virtuals})

    def _kernel_lost(self, _: KernelLost) -> None:
        self.kernel_losses += 1
        self.kernel_lost = True

    def _kernel_found(self, _: KernelFound) -> None:
        self.kernel_lost = False


def _retain(counter: Counter[Any], keys: set[Any]) -> None:
    for key in [key for key in counter if key not in keys]:
        del counter[key]
