"""``counters``: how much of everything has happened since the daemon started."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from ldirectord_py.config.model import virtual_id
from ldirectord_py.control.protocol import Answer, ControlRequest, Lazy
from ldirectord_py.daemon.configuration.reload import Reloader
from ldirectord_py.daemon.control.context import Context
from ldirectord_py.daemon.control.incident_counts import incident_counts
from ldirectord_py.daemon.history.check_counters import DURATION_BOUNDS, CheckCounters
from ldirectord_py.daemon.history.event_counters import EventCounters
from ldirectord_py.runtime.loop_lag import LAG_BOUNDS, LoopLag


async def counters(context: Context, _: ControlRequest) -> Answer:
    """Return the counters; those of virtuals that have none yet are left out."""
    results, events = context.director.tracker.results.counters, context.events
    return {
        "started": context.started,
        "cpu_seconds": time.process_time(),
        "planned": len(context.director.compiled.plan),
        "reloads": _reloads(context.reloader),
        "kernel": _kernel_events(events),
        "loop_lag": _loop_lag(context.loop_lag),
        "checks": [
            {"kind": kind, "verdict": verdict.name.lower(), "code": code.value, "count": count}
            for kind, verdict, code, count in results.outcomes()
        ],
        "duration_bounds": DURATION_BOUNDS,
        "durations": Lazy(_durations(results)),
        **incident_counts(context),
        "outages": [{"virtual": virtual_id(key), "count": count} for key, count in events.outages.items()],
    }


def _reloads(reloader: Reloader) -> dict[str, Any]:
    return {
        "taken": reloader.outcomes[True],
        "refused": reloader.outcomes[False],
        "last": "taken" if reloader.last_taken else "refused",
    }


def _kernel_events(events: EventCounters) -> dict[str, Any]:
    return {
        "lost": events.kernel_lost,
        "losses": events.kernel_losses,
        "writes": {verb.value: count for verb, count in events.writes.items()},
        "refusals": dict(events.refusals),
        "drift": {"repaired": events.drift[True], "accepted": events.drift[False]},
    }


def _loop_lag(lag: LoopLag) -> dict[str, Any]:
    return {"bounds": LAG_BOUNDS, "counts": lag.counts, "sum": lag.seconds}


def _durations(results: CheckCounters) -> Iterator[dict[str, Any]]:
    for key, counts, seconds in results.durations():
        yield {"virtual": virtual_id(key), "counts": counts, "sum": round(seconds, 6)}
