"""How often something went wrong since the daemon started, for ``show`` and ``counters``."""

from __future__ import annotations

from collections import Counter
from typing import Any

from ldirectord_py.daemon.control.context import Context
from ldirectord_py.health import Verdict


def incident_counts(context: Context) -> dict[str, Any]:
    """Return the counts of this host's faults, of servers that flapped or were kept in, and of lost reports."""
    probes, events = context.probes.counts, context.events
    return {
        "no_verdict": dict(_without_verdict(context)),
        "stalls": probes.stalls,
        "stalled_seconds": round(probes.stalled_seconds, 3),
        "repeated_probes": probes.repeated,
        "flaps": events.flaps,
        "panics": events.panics,
        "self_doubts": events.self_doubts,
        "lost": context.lost()._asdict(),
    }


def _without_verdict(context: Context) -> Counter[str]:
    """Return how many results of each kind of check say nothing about the server."""
    found: Counter[str] = Counter()
    for kind, verdict, _, count in context.director.tracker.results.counters.outcomes():
        if verdict is Verdict.NONE:
            found[kind] += count
    return found
