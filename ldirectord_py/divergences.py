"""Where a table of ours differs from the kernel's, and since when: differences that pass soon are none."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from ldirectord_py.ipvs.diff import Op, Verb, diff
from ldirectord_py.ipvs.table import DestinationKey, Key, Row, Service, ServiceKey, Table, service_of

Patience = Callable[[ServiceKey], float]
"""Returns for how many seconds the rows of a service may differ without a report."""


@dataclass(frozen=True, slots=True)
class Divergence:
    """A row that differs: the op that we would write, the kernel's row if any, and since when, in seconds of a clock.

    ``over``: when it ended; None while it goes on.
    """

    op: Op
    found: Row | None
    since: float
    over: float | None = None

    @property
    def wanted(self) -> Row | None:
        """Our row, None if we would have none."""
        return None if self.op.verb is Verb.DELETE else self.op.row


def divergent(found: Table, wanted: Table, services: Iterable[ServiceKey]) -> list[Op]:
    """Return the ops that turn the kernel's rows of these services into ours; for a missing service only itself."""
    ours = frozenset(services)
    current, final = ({key: row for key, row in table.items() if service_of(key) in ours} for table in (found, wanted))
    ops = diff(current, final)
    added = {op.row.key for op in ops if op.verb is Verb.ADD and isinstance(op.row, Service)}
    return [op for op in ops if not (isinstance(op.row.key, DestinationKey) and op.row.key.service in added)]


class DivergenceTracker:
    """Its state: the rows that differ now, those that were reported, and how many were reported so far (``count``)."""

    def __init__(self) -> None:
        self.count = 0
        self._since: dict[Key, float] = {}
        self._reported: dict[Key, Divergence] = {}

    @property
    def ongoing(self) -> Mapping[Key, Divergence]:
        """The differences that were reported and are not over."""
        return self._reported

    @property
    def pending(self) -> int:
        """How many rows differ that have not been reported yet."""
        return len(self._since) - len(self._reported)

    def update(self, ops: Iterable[Op], found: Table, now: float, patience: Patience) -> Iterator[Divergence]:
        """Take the differences of one comparison; yield those that begin to count, and those that are over."""
        differing = {op.row.key: op for op in ops}
        self._since = {key: self._since.get(key, now) for key in differing}
        for key in [key for key in self._reported if key not in differing]:
            yield replace(self._reported.pop(key), over=now)
        for key, op in differing.items():
            since = self._since[key]
            if key not in self._reported and now - since > patience(service_of(key)):
                self._reported[key] = divergence = Divergence(op, found.get(key), since)
                self.count += 1
                yield divergence
