"""The reasons of recorded results, each kept once and named by a number of 16 bits."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Final, NamedTuple

from ldirectord_py.checks.base import Result
from ldirectord_py.checks.codes import ReasonCode
from ldirectord_py.daemon.history.check_counters import OUTCOMES
from ldirectord_py.health import Verdict

MAX_REASONS: Final = 8192
"""Reasons that are kept; where servers give more, the texts of some results are dropped, but not their codes."""


class Reason(NamedTuple):
    """A verdict and its reason: the code, and the words."""

    verdict: Verdict
    code: ReasonCode
    words: str


Numbered = tuple[int, Verdict, ReasonCode, int, Result]
"""The number of a reason, what of it is not words, the number that these have in OUTCOMES, and a result of 0 s."""

NOTHING: Final = 0
"""The number that stands for no result."""


class ReasonTable:
    """Gives each reason a number.

    Its state: the reasons by number, the ``latest`` with each words, and how many new ones come before the next sweep.

    ``used`` returns the numbers that are still needed: a sweep gives the others to new reasons.
    """

    def __init__(self, used: Callable[[], Collection[int]]) -> None:
        self.latest: dict[str, Numbered] = {}
        self._used = used
        self._reasons: list[Reason | None] = [None]
        self._numbers: dict[Reason, int] = {}
        self._free: list[int] = []
        self._until_sweep = 0

    def add(self, result: Result) -> Numbered:
        """Return the number of a result's reason, which is in ``latest`` from now on."""
        return self._add(Reason(result.verdict, result.code, result.reason))

    def reason(self, number: int) -> Reason | None:
        """Return the reason with a number, None for NOTHING."""
        return self._reasons[number]

    def _add(self, reason: Reason) -> Numbered:
        number = self._numbers.get(reason)
        if number is None:
            number = self._new_number()
            if number == NOTHING:  # every number is in use
                return self._without_words(reason)
            self._reasons[number] = reason
            self._numbers[reason] = number
        numbered = self.latest[reason.words] = _numbered(number, reason)
        return numbered

    def _without_words(self, reason: Reason) -> Numbered:
        """Return the number of a verdict and code alone; there are few of these, so they may exceed the limit."""
        wordless = reason._replace(words="")
        if wordless not in self._numbers:
            self._numbers[wordless] = len(self._reasons)
            self._reasons.append(wordless)
        return _numbered(self._numbers[wordless], reason)

    def _new_number(self) -> int:
        """Return a number that stands for no reason now, or else NOTHING."""
        if not self._free and len(self._reasons) < MAX_REASONS:
            self._reasons.append(None)
            return len(self._reasons) - 1
        if not self._free:
            self._sweep()
        return self._free.pop() if self._free else NOTHING

    def _sweep(self) -> None:
        """Forget the reasons that no result has any more; seldom, as this looks at all results."""
        if self._until_sweep:
            self._until_sweep -= 1
            return
        self._until_sweep = MAX_REASONS // 4
        used = set(self._used())
        kept = [(number, reason) for number, reason in enumerate(self._reasons) if reason and number in used]
        self._free = [number for number in range(1, len(self._reasons)) if number not in used]
        self._reasons = [None] * len(self._reasons)
        for number, reason in kept:
            self._reasons[number] = reason
        self._numbers = {reason: number for number, reason in kept}
        self.latest.clear()
        self.latest.update((reason.words, _numbered(number, reason)) for number, reason in kept)


def _numbered(number: int, reason: Reason) -> Numbered:
    verdict, code, words = reason
    return number, verdict, code, OUTCOMES[verdict, code], Result(verdict, words, 0.0, code)
