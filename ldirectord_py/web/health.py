"""``/healthz`` and ``/readyz``: whether the daemon makes progress, and whether it has done its first round."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from ldirectord_py.trouble import BY_HAND

MAX_SILENCE: Final = 5.0
"""Seconds without a sign of life from the daemon, which gives one each second."""

MAX_UPDATE_AGE: Final = 8.0
"""Seconds without an update about the servers, of which the daemon sends one each two seconds."""

MAX_LISTED: Final = 10
"""Servers that an answer names."""


def stall(silence: float, age: float | None) -> str:
    """Return why the daemon makes no progress, "" if it does; ``age``: of the last update, None if there is none."""
    if silence > MAX_SILENCE:
        return f"the daemon has been silent for {silence:.0f} s"
    if age is None:
        return "the daemon has not answered so far"
    if age > MAX_UPDATE_AGE:
        return f"the last update of the daemon is {age:.0f} s old"
    return ""


def unready(answer: Mapping[str, Any] | None) -> list[str]:
    """Return why the daemon is not ready, of which the answer is given; nothing if it is."""
    if answer is None:
        return ["the daemon has not answered so far"]
    reasons = list(_reasons(answer))
    more = len(reasons) - MAX_LISTED
    return [*reasons[:MAX_LISTED], *([f"{more} more"] if more > 0 else [])]


def _reasons(answer: Mapping[str, Any]) -> Iterator[str]:
    if answer["generation"] < 1:
        yield "no configuration is in force"
    if error := answer["kernel"]["error"]:
        yield f"the kernel's table cannot be read: {error}"
    for virtual in answer["virtuals"]:
        fallback = virtual["fallback"] or {}
        for words in fallback.get("disagrees", ()):
            yield from _disagreement(f"{virtual['virtual']}, fallback", words)
        for real in virtual["reals"]:
            name = f"{virtual['virtual']}/{real['real']}"
            if real["observed"]["up"] is None:
                yield f"{name}: no result so far"
            for words in real["disagrees"]:
                yield from _disagreement(name, words)


def _disagreement(name: str, words: str) -> Iterator[str]:
    if not words.endswith(BY_HAND):
        yield f"{name}: {words}"
