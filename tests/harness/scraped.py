"""Answers of the daemon as its metrics need them, and the samples of metrics by name and labels."""

from __future__ import annotations

from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from harness.shown import COUNTS, VIRTUAL, answer, site
from ldirectord_py.web.daemon_metrics import DaemonMetrics
from ldirectord_py.web.metrics import site_parts

BOUNDS = [0.01, 0.1, 1.0]
STATUS = {"version": "1.2.3", "instance": "web.cf", "config": "/etc/ha.d/web.cf"}

Samples = dict[str, dict[frozenset[tuple[str, str]], float]]


def counters(**fields: Any) -> dict[str, Any]:
    """Return an answer to ``counters``."""
    return {
        "started": 1.7e9,
        "cpu_seconds": 12.5,
        "planned": 2,
        "reloads": {"taken": 3, "refused": 1, "last": "refused"},
        "kernel": {
            "lost": False,
            "losses": 1,
            "writes": {"add": 5},
            "refusals": {"ENOENT": 2},
            "drift": {"repaired": 1, "accepted": 4},
        },
        "loop_lag": {"bounds": [0.001, 0.01], "counts": [7, 2, 1], "sum": 0.5},
        "checks": [{"kind": "http", "verdict": "down", "code": "L4CON", "count": 9}],
        "duration_bounds": BOUNDS,
        "durations": [],
        **COUNTS,
        "outages": [],
        **fields,
    }


def virtual(name: str, *reals: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """Return a virtual with servers, which get its name."""
    named = [{**real, "virtual": name} for real in reals]
    return site(*named, virtual=name, configured={**VIRTUAL, "unresolved": 0}, **fields)


def show(*virtuals: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """Return an answer to ``show``."""
    return {"generation": 4, "config_hash": "0d5f6c21a8e07b94", **answer(*virtuals, **fields)}


def scraped(*virtuals: dict[str, Any], **counted: Any) -> Samples:
    """Return the samples of these virtuals and counters."""
    return samples(text(show(*virtuals), counters(**counted)))


def text(shown: dict[str, Any], counted: dict[str, Any]) -> str:
    """Return the metrics of two answers."""
    site = b"".join(make() for make in site_parts(shown, counted))
    return DaemonMetrics(0.5, (shown, counted, STATUS)).text() + site.decode()


def samples(text: str) -> Samples:
    """Return the samples of a text; no family and no sample may be there twice."""
    found: Samples = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = frozenset(sample.labels.items())
            values = found.setdefault(sample.name, {})
            assert labels not in values, sample
            values[labels] = sample.value
    return found


def value(samples: Samples, name: str, /, **labels: str) -> float:
    """Return the value of the only sample that has these labels."""
    (found,) = (each for key, each in samples[name].items() if key >= frozenset(labels.items()))
    return found
