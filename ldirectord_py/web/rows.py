"""What the page shows of a virtual or a real server: texts, made of the answer to ``show``. No text is HTML."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final

from ldirectord_py.checks.codes import ReasonCode
from ldirectord_py.control.answer_words import check_text, observed_state, up_text
from ldirectord_py.slow_start import WHOLE
from ldirectord_py.trouble import severity, worst_first

Fields = Mapping[str, Any]
Row = dict[str, str]
"""The texts of a row by the names of its cells, which templates and page.js use too."""

MAX_REASON: Final = 300
"""Characters of a reason, which the server may have written."""

ABSENT: Final = "\u2013"
"""Where there is no number."""

MARKS: Final[Mapping[str, str]] = {
    "up": "●",
    "down": "▼",
    "drain": "◐",
    "disabled": "■",
    "maintenance": "◆",
    "unknown": "?",
}
"""A shape for each state, for those who cannot tell its colour."""

STATES: Final = tuple(MARKS)
"""The states of a real server; what an operator did to it comes before what its checks say."""

WORDS: Final[Mapping[str, str]] = {
    "certificate": "certificate near its end",
    "disagrees": "kernel disagrees",
    "drain": "draining",
    "no-verdict": "no verdict",
    "outage": "no server up",
}
"""Troubles and states in other words than their names."""


def word(name: str) -> str:
    """Return a trouble or a state in the words of the page."""
    return WORDS.get(name, name)


def state_of(real: Fields) -> str:
    """Return one of STATES."""
    administrative = str(real["administrative"]["state"])
    if administrative != "ready":
        return administrative
    return observed_state(real["observed"])


def server_row(real: Fields, troubles: Collection[str]) -> Row:
    """Return the row of a real server that has these troubles."""
    observed, administrative, kernel = real["observed"], real["administrative"], real["kernel"]
    state = state_of(real)
    hurts = worst_first(troubles)
    return {
        "kind": "server",
        "state": state,
        "mark": MARKS[state],
        "word": word(state),
        "name": str(real["name"] or real["real"]),
        "address": str(real["real"]) if real["name"] else "",
        "troubles": " ".join(hurts),
        "hurts": ", ".join(word(name) for name in hurts if name != state),
        "rank": str(severity(troubles)),
        "since": str((observed if administrative["state"] == "ready" else administrative)["since"] or ""),
        "code": str(observed["code"] or ""),
        "meaning": _meaning(str(observed["code"])),
        "reason": str(observed["reason"] or "")[:MAX_REASON],
        "note": _note(administrative, real["disagrees"]),
        "until": str(administrative["until"] or ""),
        "certificate": str(observed["certificate_end"] or ""),
        "weight": ABSENT if kernel is None else str(kernel["weight"]),
        "configured": f"{real['configured']['weight']} {real['configured']['forward']}",
        "counts": _counts(observed),
    }


def _meaning(code: str) -> str:
    """Return what a reason code says, "" for an unknown one."""
    return ReasonCode(code).meaning if code in ReasonCode.__members__.values() else ""


def virtual_row(virtual: Fields) -> Row:
    """Return the row of a virtual."""
    configured, fallback = virtual["configured"], virtual["fallback"]
    troubles = list(virtual["trouble"])
    used = f"fallback {fallback['server']}{' in use' if fallback['used'] else ''}" if fallback else ""
    return {
        "kind": "virtual",
        "name": str(virtual["servicename"] or virtual["virtual"]),
        "address": str(virtual["virtual"]) if virtual["servicename"] else "",
        "up": up_text(virtual, " of "),
        "troubles": " ".join(troubles),
        "hurts": ", ".join(map(word, troubles)),
        "about": f"{configured['scheduler']}, {check_text(configured)}",
        "fallback": used,
        "leaving": _leaving(virtual["others"]),
    }


def _leaving(others: Collection[Fields]) -> str:
    """Return the rows of the kernel that are no server of the virtual any more."""
    rows = [f"{each['real']} ({each['kernel']['active']} active)" for each in others]
    return f"leaving: {', '.join(rows)}" if rows else ""


def _note(administrative: Fields, disagrees: Collection[str]) -> str:
    """Return who took the server out of use and why, and how the kernel disagrees."""
    parts = list(disagrees)
    if administrative["state"] != "ready":
        by = f" by {administrative['who']}" if administrative["who"] else ""
        why = f": {administrative['why']}" if administrative["why"] else ""
        parts.append(f"{word(administrative['state'])}{by}{why}")
    return "; ".join(parts)


def _counts(observed: Fields) -> str:
    if observed["up"] and observed["failures"]:
        return f"{observed['failures']} of {observed['failurecount']} failures"
    if observed["up"] is False and observed["successes"]:
        return f"{observed['successes']} of {observed['successcount']} successes"
    if observed["rising"]:
        return f"weight rises, {observed['rising']} of {WHOLE}"
    return ""
