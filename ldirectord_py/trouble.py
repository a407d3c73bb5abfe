"""Why a virtual or a server is not plainly well: the words of ``trouble``, and which of them hurt most."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Final

WORST_FIRST: Final = (
    *("outage", "panic", "down", "flapping", "kept", "disagrees"),
    *("overdue", "unknown", "no-verdict", "failing", "certificate"),
    *("drain", "disabled", "maintenance"),
)
"""All words, what hurts most first; what operators did on purpose comes last. The page calls servers ``flapping`` too
that no ``flapthreshold`` holds back, and only the page says ``certificate``: that of the server is near its end."""

BAD: Final = frozenset(("outage", "panic", "down", "disagrees"))
"""What ``show --down`` asks for."""

BY_HAND: Final = "(set by hand)"
"""The end of a sentence of ``disagrees``: an operator made this difference, and it stays."""


def worst_first(trouble: Collection[str]) -> list[str]:
    """Return the words in the order of WORST_FIRST."""
    return [word for word in WORST_FIRST if word in trouble]


def severity(trouble: Collection[str]) -> int:
    """Return a number to sort by: the lower, the worse."""
    return next((rank for rank, word in enumerate(WORST_FIRST) if word in trouble), len(WORST_FIRST))


def is_bad(trouble: Collection[str]) -> bool:
    """Return whether one of the words is BAD."""
    return not BAD.isdisjoint(trouble)


WHICH: Final[Mapping[str, Callable[[Collection[str]], bool]]] = {
    "all": lambda _: True,
    "trouble": bool,
    "down": is_bad,
}
"""Which servers ``which`` of a request asks for, by their trouble."""
