"""The metrics of the daemon itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import accumulate
from typing import Any, Final

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from ldirectord_py.web.metric_text import INFINITE

Answer = Mapping[str, Any]

REFUSALS: Final = ("ENOENT", "EEXIST", "ESRCH", "EINVAL", "ERANGE", "EPERM", "ENOMEM", "EBUSY")
"""The refusals of the kernel that are said to be 0 before the first one, so that the first one is an increase."""

INCIDENTS: Final[Mapping[str, str]] = {
    "flaps": "How often a server began to flap, by flapthreshold.",
    "panics": "How often a virtual kept servers in that were down, by panic.",
    "self_doubts": "How often nearly all servers began to fail together.",
    "stalls": "How often this process or a worker stood still while it probed.",
    "stalled_seconds": "For how many seconds they stood still.",
    "repeated_probes": "Probes that were repeated, as they failed while their process stood still.",
}
"""What is counted under the same name in an answer to ``counters``."""


class DaemonMetrics(Collector):
    """The metrics of one moment: answers to ``show``, ``counters`` and ``status``, None unless they are fresh."""

    def __init__(self, age: float | None, answers: tuple[Answer, Answer, Answer] | None) -> None:
        self._age = age
        self._answers = answers

    def text(self) -> str:
        """Return them in the exposition format."""
        registry = CollectorRegistry()
        registry.register(self)
        return generate_latest(registry).decode()

    def collect(self) -> Iterator[Metric]:
        """Yield the families."""
        up = self._answers is not None
        yield GaugeMetricFamily("ldirectord_up", "Whether the daemon answers; else nothing more is said of it.", up)
        if self._age is not None:
            yield GaugeMetricFamily("ldirectord_answer_age_seconds", "The age of what is said here.", self._age)
        if self._answers is not None:
            show, counters, status = self._answers
            yield from _identity(show, status)
            yield from _progress(counters)
            yield from _checks(show, counters)
            yield from _incidents(counters)
            yield from _kernel(show, counters["kernel"])


def _identity(show: Answer, status: Answer) -> Iterator[Metric]:
    build = GaugeMetricFamily("ldirectord_build_info", "The version of the daemon, 1.", labels=("version",))
    yield _filled(build, [((status["version"],), 1)])
    labels = ("instance_name", "file", "config_hash")
    in_force = GaugeMetricFamily("ldirectord_config_info", "The configuration in force, 1.", labels=labels)
    yield _filled(in_force, [((status["instance"], status["config"], show["config_hash"]), 1)])
    generation = "How many configurations have come into force."
    yield GaugeMetricFamily("ldirectord_config_generation", generation, show["generation"])


def _progress(counters: Answer) -> Iterator[Metric]:
    yield GaugeMetricFamily("ldirectord_start_time_seconds", "When the daemon started.", counters["started"])
    cpu = "CPU time of the daemon, without its workers."
    yield CounterMetricFamily("ldirectord_cpu_seconds_total", cpu, counters["cpu_seconds"])
    lag, meaning = counters["loop_lag"], "How late timers of the daemon are, four samples a second."
    yield HistogramMetricFamily("ldirectord_loop_lag_seconds", meaning, list(_buckets(lag)), lag["sum"])
    reloads, outcomes = counters["reloads"], ("taken", "refused")
    family = CounterMetricFamily("ldirectord_reloads_total", "Reloads, and what came of them.", labels=("outcome",))
    yield _filled(family, [((outcome,), reloads[outcome]) for outcome in outcomes])
    last = reloads["last"] == "taken"
    yield GaugeMetricFamily("ldirectord_last_reload_successful", "Whether the last reload was taken.", last)


def _checks(show: Answer, counters: Answer) -> Iterator[Metric]:
    yield GaugeMetricFamily("ldirectord_checks_planned", "The checks of the configuration.", counters["planned"])
    meaning = "Results of checks; verdict none: a fault of this host, which says nothing about the server."
    family = CounterMetricFamily("ldirectord_checks_total", meaning, labels=("kind", "verdict", "code"))
    yield _filled(
        family, [((each["kind"], each["verdict"], each["code"]), each["count"]) for each in counters["checks"]]
    )
    if (oldest := show["oldest_result"]) is not None:
        yield GaugeMetricFamily("ldirectord_oldest_check_age_seconds", "The age of the oldest last result.", oldest)


def _incidents(counters: Answer) -> Iterator[Metric]:
    for name, meaning in INCIDENTS.items():
        yield CounterMetricFamily(f"ldirectord_{name}_total", meaning, counters[name])
    meaning = "Lines and messages that were lost: too many waited, for too long, or were refused."
    lost = CounterMetricFamily("ldirectord_lost_total", meaning, labels=("what",))
    yield _filled(lost, [((what,), count) for what, count in counters["lost"].items()])


def _kernel(show: Answer, kernel: Answer) -> Iterator[Metric]:
    reachable = not kernel["lost"] and show["kernel"]["error"] is None
    yield GaugeMetricFamily("ldirectord_kernel_up", "Whether the kernel's table can be read and written.", reachable)
    yield CounterMetricFamily(
        "ldirectord_kernel_losses_total", "How often the kernel's table was out of reach.", kernel["losses"]
    )
    writes = CounterMetricFamily(
        "ldirectord_kernel_writes_total", "Changes of rows that the kernel accepted.", labels=("verb",)
    )
    yield _filled(writes, [((verb,), kernel["writes"].get(verb, 0)) for verb in ("add", "edit", "delete")])
    refusals = CounterMetricFamily(
        "ldirectord_kernel_refusals_total", "Changes of rows that the kernel refused.", labels=("errno",)
    )
    yield _filled(
        refusals, [((name,), count) for name, count in {**dict.fromkeys(REFUSALS, 0), **kernel["refusals"]}.items()]
    )
    drift = CounterMetricFamily(
        "ldirectord_drift_total", "Changes of our rows by others, repaired or accepted.", labels=("action",)
    )
    yield _filled(drift, [((action,), count) for action, count in kernel["drift"].items()])


def _buckets(histogram: Answer) -> Iterator[tuple[str, float]]:
    uppers = [*map(str, map(float, histogram["bounds"])), INFINITE]
    return zip(uppers, accumulate(histogram["counts"]), strict=True)


def _filled(
    family: GaugeMetricFamily | CounterMetricFamily, samples: Iterable[tuple[tuple[str, ...], float]]
) -> Metric:
    for values, value in samples:
        family.add_metric(values, value)
    return family
