"""How often something went wrong since the daemon started, in one line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from ldirectord_py.report.lost import lost_texts
from ldirectord_py.runtime.text import count_of

_NOUNS: Final[Mapping[str, str]] = {
    "repeated_probes": "repeated probe",
    "flaps": "flap",
    "panics": "panic",
    "self_doubts": "self-doubt",
}


def incidents_line(answer: Mapping[str, Any]) -> str:
    """Return the counts of an answer to ``show`` that are not 0, "" if all are, or if an older daemon has none."""
    parts = list(_parts(answer["counts"])) if "counts" in answer else []
    return f"Since the start: {', '.join(parts)}" if parts else ""


def _parts(counts: Mapping[str, Any]) -> Iterator[str]:
    if unjudged := counts["no_verdict"]:
        kinds = ", ".join(f"{kind} {count}" for kind, count in sorted(unjudged.items()))
        yield f"{count_of(sum(unjudged.values()), 'result')} without a verdict ({kinds})"
    if counts["stalls"]:
        yield f"{count_of(counts['stalls'], 'stall')} of this host ({counts['stalled_seconds']:.1f} s)"
    yield from (count_of(counts[name], noun) for name, noun in _NOUNS.items() if counts[name])
    yield from (f"{text} lost" for text in lost_texts(counts["lost"]))
