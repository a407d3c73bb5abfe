"""The metrics of real servers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

from ldirectord_py.web.metric_labels import labels_text, real_labels
from ldirectord_py.web.metric_text import Family, Sample, family_text
from ldirectord_py.web.rows import STATES, state_of

Value = Callable[[Mapping[str, Any]], float | None]

MAX_LABELS: Final = 65_536
"""Rows whose labels are kept: to make those of 5,000 servers takes 30 ms."""

TRANSITIONS: Final = Family(
    "ldirectord_real_transitions_total", "counter", "How often a real server came up or went down."
)
STATE: Final = Family("ldirectord_real_state", "gauge", "The state of a real server: 1 for the one that it has.")
LAST_CODE: Final = Family("ldirectord_real_last_check_info", "gauge", "The reason code of the last check, 1.")
INFO: Final = Family("ldirectord_real_info", "gauge", "The names of a real server, and how it is checked, 1.")


def _up(real: Mapping[str, Any]) -> float | None:
    up = real["observed"]["up"]
    return None if up is None else int(up)


def _in_kernel(name: str) -> Value:
    return lambda real: None if real["kernel"] is None else real["kernel"][name]


def _timestamp(column: str, name: str) -> Value:
    return lambda real: None if (text := real[column][name]) is None else datetime.fromisoformat(text).timestamp()


def _gauge(name: str, meaning: str) -> Family:
    return Family(f"ldirectord_real_{name}", "gauge", meaning)


ROW_VALUES: Final[Mapping[Family, Value]] = {
    _gauge("up", "Whether the checks say that a real server is up; absent before they say anything."): _up,
    _gauge("configured_weight", "The weight in the configuration."): lambda real: real["configured"]["weight"],
    _gauge("weight", "The weight in the kernel; absent where it has no row."): _in_kernel("weight"),
    _gauge("failures", "Failed checks in a row, up to failurecount."): lambda real: real["observed"]["failures"],
    _gauge("overdue", "Whether the next result should have come."): lambda real: int(real["observed"]["overdue"]),
    _gauge("disagrees", "Whether the kernel's row differs from what should be there."): (
        lambda real: int(bool(real["disagrees"]))
    ),
    _gauge("administered_timestamp_seconds", "Since when the server is drained or disabled; absent where it is not."): (
        _timestamp("administrative", "since")
    ),
    _gauge("certificate_expiry_timestamp_seconds", "When the certificate of the server ends; absent without TLS."): (
        _timestamp("observed", "certificate_end")
    ),
}
CONNECTION_VALUES: Final[Mapping[Family, Value]] = {
    _gauge("connections_active", "Active connections in the kernel."): _in_kernel("active"),
    _gauge("connections_inactive", "Inactive connections in the kernel."): _in_kernel("inactive"),
    _gauge("persistent_clients", "Persistence templates in the kernel."): _in_kernel("persistent"),
}
DURATION_VALUES: Final[Mapping[Family, Value]] = {
    _gauge("last_check_duration_seconds", "How long the last check took."): lambda real: real["observed"]["latency"],
}


def rows_text(reals: Sequence[Sample]) -> Iterator[str]:
    """Yield the families of real servers that change only with the rows of ``watch``."""
    yield from _values_text(ROW_VALUES, reals)
    yield family_text(TRANSITIONS, [(labels, real["observed"]["transition_count"]) for labels, real in reals])
    yield family_text(STATE, [sample for labels, real in reals for sample in _states(labels, state_of(real))])
    yield family_text(LAST_CODE, [(f'{labels},code="{code}"', 1) for labels, real in reals if (code := _code(real))])
    yield family_text(INFO, [(f"{labels},{labels_text(_real_names(real))}", 1) for labels, real in reals])


def connections_text(reals: Sequence[Sample]) -> Iterator[str]:
    """Yield the families of real servers that change with connections."""
    return _values_text(CONNECTION_VALUES, reals)


def durations_text(reals: Sequence[Sample]) -> Iterator[str]:
    """Yield the families of real servers that change with each result."""
    return _values_text(DURATION_VALUES, reals)


def server_samples(virtuals: Iterable[Mapping[str, Any]]) -> Sequence[Sample]:
    """Return each row of the kernel with its server; of several that share a row, the first one that is up."""
    found: dict[str, Mapping[str, Any]] = {}
    for virtual in virtuals:
        for real in virtual["reals"]:
            labels = _row_labels(real["virtual"], real["row"])
            if labels not in found or (state_of(found[labels]) != "up" and state_of(real) == "up"):
                found[labels] = real
    return list(found.items())


def _values_text(values: Mapping[Family, Value], reals: Sequence[Sample]) -> Iterator[str]:
    return (family_text(family, [(labels, value(real)) for labels, real in reals]) for family, value in values.items())


@lru_cache(MAX_LABELS)
def _row_labels(virtual: str, row: str) -> str:
    """Return the labels of the row of a server; the same at each scrape."""
    return labels_text(real_labels(virtual, row))


def _states(labels: str, state: str) -> list[tuple[str, float]]:
    return [(f'{labels},state="{each}"', int(each == state)) for each in STATES]


def _code(real: Mapping[str, Any]) -> str | None:
    code: str | None = real["observed"]["code"]
    return code


def _real_names(real: Mapping[str, Any]) -> dict[str, str]:
    configured = real["configured"]
    return {
        "virtual": real["virtual"],
        "real": real["real"],
        "name": real["name"] or "",
        "service": configured["service"],
        "checktype": configured["checktype"],
        "forward": configured["forward"],
    }
