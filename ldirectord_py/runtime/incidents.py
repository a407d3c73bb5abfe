"""Faults that are reported once when they begin and once when they are over, not each time they occur."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Container
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

REPORT_INTERVAL: Final = 60.0
"""Seconds between two reports of a kind of fault."""

QUIET_TIME: Final = 5.0
"""Seconds after the last fault of a kind until it counts as over, if it affects no subject any more."""

REVIEW_INTERVAL: Final = 1.0
MAX_KINDS: Final = 50
"""Open kinds; all further ones count as one kind, OTHERS."""

OTHERS: Final = "other faults"

T = TypeVar("T")
Schedule = Callable[[float, Callable[[], None]], object]
"""Calls something after so many seconds."""


@dataclass(frozen=True, slots=True)
class Incident(Generic[T]):
    """A report: how often a kind of fault occurred since the previous one, for which subjects, and its last detail."""

    kind: str
    detail: str
    last: T
    count: int
    subjects: frozenset[T]
    over: bool


@dataclass(slots=True)
class _OpenKind(Generic[T]):
    """A kind of fault: the subjects it affects now, its faults since the last report, and when the next one is due.

    ``reported``: its beginning was reported, but not its end.
    """

    kind: str
    last: T
    detail: str = ""
    affected: set[T] = field(default_factory=set)
    subjects: set[T] = field(default_factory=set)
    count: int = 0
    last_at: float = 0.0
    report_at: float = 0.0
    reported: bool = False

    def report(self, *, over: bool) -> Incident[T]:
        incident = Incident(self.kind, self.detail, self.last, self.count, frozenset(self.subjects), over)
        self.count, self.reported = 0, not over
        self.subjects.clear()
        return incident


@dataclass(slots=True)
class OngoingFault:
    """The fault of one thing, if it has one now: the ``reason``, and how much was lost to it so far."""

    reason: str = ""
    losses: int = 0

    def record(self, reason: str, losses: int = 0) -> bool:
        """Record a fault; return whether to report it: the thing had none before, or for another reason."""
        is_new = reason != self.reason
        self.reason = reason
        self.losses += losses
        return is_new

    def clear(self) -> bool:
        """Record that the thing works; return whether it had a fault before."""
        had_fault = bool(self.reason)
        self.reason, self.losses = "", 0
        return had_fault


class Incidents(Generic[T]):
    """Calls ``report`` at most twice in REPORT_INTERVAL for a kind of fault, however often it occurs.

    Its state: the open kinds, and which of them affects each subject. For one event loop.
    """

    def __init__(
        self,
        report: Callable[[Incident[T]], None],
        clock: Callable[[], float] = time.monotonic,
        schedule: Schedule | None = None,
    ) -> None:
        self._report = report
        self._clock = clock
        self._schedule = schedule
        self._open: dict[str, _OpenKind[T]] = {}
        self._kinds: dict[T, str] = {}
        self._scheduled = False

    def record(self, subject: T, kind: str, detail: str) -> None:
        """Record a fault of the subject, which is affected by it until ``clear``."""
        if kind not in self._open and len(self._open) >= MAX_KINDS:
            kind = OTHERS
        if self._kinds.get(subject, kind) != kind:
            self.clear(subject)
        open_kind = self._open.setdefault(kind, _OpenKind(kind, subject))
        self._kinds[subject] = kind
        open_kind.affected.add(subject)
        open_kind.subjects.add(subject)
        open_kind.count += 1
        open_kind.last, open_kind.detail, open_kind.last_at = subject, detail, self._clock()
        self._report_when_due(open_kind)
        self._review_later()

    def clear(self, subject: T) -> None:
        """Record that no fault affects the subject any more."""
        if self._kinds and (kind := self._kinds.pop(subject, None)) is not None:
            self._open[kind].affected.discard(subject)

    def retain(self, subjects: Container[T]) -> None:
        """Clear all subjects except these."""
        for subject in [subject for subject in self._kinds if subject not in subjects]:
            self.clear(subject)

    def review(self) -> None:
        """Report faults that continue or are over, where a report is due; schedules itself while a kind is open."""
        self._scheduled = False
        now = self._clock()
        for open_kind in list(self._open.values()):
            if open_kind.count:
                self._report_when_due(open_kind)
            is_quiet = not open_kind.affected and now >= open_kind.last_at + QUIET_TIME
            if is_quiet and open_kind.reported:
                self._report(open_kind.report(over=True))
            if is_quiet and not open_kind.count and now >= open_kind.report_at:
                del self._open[open_kind.kind]
        if self._open:
            self._review_later()

    def _report_when_due(self, open_kind: _OpenKind[T]) -> None:
        now = self._clock()
        if now >= open_kind.report_at:
            open_kind.report_at = now + REPORT_INTERVAL
            self._report(open_kind.report(over=False))

    def _review_later(self) -> None:
        if not self._scheduled:
            self._scheduled = True
            (self._schedule or asyncio.get_running_loop().call_later)(REVIEW_INTERVAL, self.review)
