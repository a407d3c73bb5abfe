"""Counts the events of a daemon."""

from __future__ import annotations

import errno
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, Final

from ldirectord_py.desired import real_key
from ldirectord_py.ipvs.diff import Verb
from ldirectord_py.ipvs.table import DestinationKey, ServiceKey
from ldirectord_py.report.events import (
    Checked,
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
    """A Listener. Its state: how often servers came up or went down, how many outages began, and so on.

    ``refusals`` are those of the kernel, by the name of their errno. Servers and virtuals that leave the configuration
    are forgotten.
    """

    def __init__(self) -> None:
        self.transitions: Counter[DestinationKey] = Counter()
        self.outages: Counter[ServiceKey] = Counter()
        self.writes: Counter[Verb] = Counter()
        self.refusals: Counter[str] = Counter()
        self.drift: Counter[bool] = Counter()
        self.flaps = self.panics = self.self_doubts = 0
        self.kernel_losses = 0
        self.kernel_lost = False
        self._handlers: Final[Mapping[type[Event], Callable[[Any], None]]] = {
            Checked: self._checked,
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

    def _checked(self, event: Checked) -> None:
        if event.transition.rose or event.transition.fell:
            self.transitions[real_key(event.virtual, event.real)] += 1

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
        if self.transitions:
            _retain(self.transitions, {real_key(virtual, real) for virtual in virtuals for real in virtual.reals})

    def _kernel_lost(self, _: KernelLost) -> None:
        self.kernel_losses += 1
        self.kernel_lost = True

    def _kernel_found(self, _: KernelFound) -> None:
        self.kernel_lost = False


def _retain(counter: Counter[Any], keys: set[Any]) -> None:
    for key in [key for key in counter if key not in keys]:
        del counter[key]
