"""What a daemon knows about its servers right now."""

from __future__ import annotations

import time

from ldirectord_py.daemon.control.kernel_usage import KernelReading
from ldirectord_py.daemon.control.server_fields import Knowledge, Moment
from ldirectord_py.daemon.history.transitions import TransitionHistory
from ldirectord_py.daemon.reconciler.director import Director
from ldirectord_py.desired import Health


def knowledge(director: Director, health: Health, transitions: TransitionHistory, reading: KernelReading) -> Knowledge:
    """Return what is known now; ``health`` is a copy of the director's if it is needed after this turn of the loop."""
    return Knowledge(
        health,
        director.tracker.results,
        transitions,
        reading,
        dict(director.sync.manual_edits.weights),
        director.tracker.table.administration,
        director.administered,
        director.maintained,
        Moment(time.monotonic(), time.time()),
        director.entries,
    )
