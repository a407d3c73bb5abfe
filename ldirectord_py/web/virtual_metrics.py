"""The metrics of virtuals."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from ldirectord_py.web.metric_labels import labels_text, virtual_labels
from ldirectord_py.web.metric_text import Family, Sample, family_text, histogram_text

VALUES: Final[Mapping[Family, Callable[[Mapping[str, Any]], float | None]]] = {
    Family(
        "ldirectord_virtual_reals", "gauge", "The real servers of a virtual, without those whose names do not resolve."
    ): lambda virtual: virtual["total"],
    Family(
        "ldirectord_virtual_reals_up", "gauge", "Its real servers that are up, without drained and disabled ones."
    ): (lambda virtual: virtual["up"]),
    Family(
        "ldirectord_virtual_reals_unresolved",
        "gauge",
        "Its real servers whose names do not resolve; they are left out.",
    ): (lambda virtual: virtual["configured"]["unresolved"]),
    Family("ldirectord_virtual_fallback_used", "gauge", "Whether the fallback is in use; absent without one."): (
        lambda virtual: None if virtual["fallback"] is None else int(virtual["fallback"]["used"])
    ),
}
OUTAGES: Final = Family(
    "ldirectord_virtual_outages_total", "counter", "How often none of its real servers was up any more."
)
INFO: Final = Family("ldirectord_virtual_info", "gauge", "The names of a virtual, and how it is configured, 1.")
DURATION: Final = Family(
    "ldirectord_check_duration_seconds", "histogram", "How long checks of a virtual's servers took that passed."
)


def virtual_text(virtuals: Sequence[Mapping[str, Any]], counters: Mapping[str, Any]) -> Iterator[str]:
    """Yield the families of all virtuals; ``counters`` is an answer to ``counters``."""
    labelled: list[Sample] = [(_labels(virtual), virtual) for virtual in virtuals]
    outages = {each["virtual"]: each["count"] for each in counters["outages"]}
    durations = {each["virtual"]: each for each in counters["durations"]}
    for family, value in VALUES.items():
        yield family_text(family, [(labels, value(virtual)) for labels, virtual in labelled])
    yield family_text(OUTAGES, [(labels, outages.get(virtual["virtual"], 0)) for labels, virtual in labelled])
    yield family_text(INFO, [(f"{labels},{labels_text(_virtual_names(virtual))}", 1) for labels, virtual in labelled])
    found = ((labels, durations.get(virtual["virtual"])) for labels, virtual in labelled)
    histograms = [(labels, each["counts"], each["sum"]) for labels, each in found if each is not None]
    yield histogram_text(DURATION, counters["duration_bounds"], histograms)


def _labels(virtual: Mapping[str, Any]) -> str:
    """Return its labels with its name, by which marks of IPv4 and IPv6 differ."""
    return labels_text({**virtual_labels(virtual["virtual"]), "virtual": virtual["virtual"]})


def _virtual_names(virtual: Mapping[str, Any]) -> dict[str, str]:
    configured = virtual["configured"]
    return {
        "servicename": virtual["servicename"] or "",
        "scheduler": configured["scheduler"],
        "service": configured["service"],
        "checktype": configured["checktype"],
    }
