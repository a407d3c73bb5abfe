"""What a daemon knows about its servers right now."""

from __future__ import annotations

import time
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from ldirectord_py.administration import Entries, EntriesByServer
from ldirectord_py.daemon.control.servers.kernel_usage import KernelReading
from ldirectord_py.daemon.history.results import ResultHistory
from ldirectord_py.daemon.history.transitions import TransitionHistory
from ldirectord_py.daemon.reconciler.director import Director
from ldirectord_py.daemon.reconciler.draining import DrainReason
from ldirectord_py.desired import Administration, Health, ManualWeights
from ldirectord_py.ipvs.table import DestinationKey
from ldirectord_py.runtime.times import iso_time
from ldirectord_py.slow_start import Tenths


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Knowledge:
    """What a daemon knows about its servers."""

    health: Health
    results: ResultHistory
    transitions: TransitionHistory
    kernel: KernelReading
    manual: ManualWeights
    administration: Administration
    tenths: Tenths
    administered: EntriesByServer
    maintained: AbstractSet[DestinationKey]
    now: Moment
    entries: Entries
    leaving: Mapping[DestinationKey, DrainReason]


def knowledge(director: Director, health: Health, transitions: TransitionHistory, reading: KernelReading) -> Knowledge:
    """Return what is known now; ``health`` is a copy of the director's if it is needed after this turn of the loop."""
    return Knowledge(
        health=health,
        results=director.tracker.results,
        transitions=transitions,
        kernel=reading,
        manual=dict(director.sync.manual_edits.weights),
        administration=director.tracker.table.administration,
        tenths=dict(director.tracker.slow_starts.tenths),
        administered=director.administered,
        maintained=director.maintained,
        now=Moment(time.monotonic(), time.time()),
        entries=director.entries,
        leaving=director.sync.leaving,
    )
