"""What all clients of the page see: rows, latencies and connections, each change with a number to resume from."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, NamedTuple

from ldirectord_py.control.server_replica import ReplicaChanges, ServerReplica
from ldirectord_py.web.certificates import is_near_end
from ldirectord_py.web.rows import Fields, Row, server_row, virtual_row

MAX_POINTS: Final = 60
"""Latencies that are kept of each server."""

MAX_CHANGES: Final = 100
"""Changes of numbers that are kept for clients who resume; whoever is further behind reads the whole page again."""

MAX_ROWS_SENT: Final = 2000
MAX_NUMBERS_SENT: Final = 20_000
"""Rows and numbers for a client at a time, or twice as many numbers as there are servers, if that is more.

Whoever is further behind reads the whole page again: that is kept once for all, what changed for each of them.
"""

FLAPPING_COUNT: Final = 4
FLAPPING_PERIOD: Final = 600.0
"""A server flaps that came up or went down so often in so many seconds."""

SAME_MOMENT: Final = 0.5
"""Seconds; times that differ by less are one, as clocks are inexact: of a server, two results a second are shown."""

Key = str
"""``VIRTUAL`` or ``VIRTUAL/REAL``."""


class Numbers(NamedTuple):
    """The latest latency in milliseconds if it is a new one, and the connections; None where there are none."""

    latency: float | None
    active: int | None
    inactive: int | None


NO_NUMBERS: Final = Numbers(None, None, None)


@dataclass(slots=True)
class Item:
    """A row, the number of its last change, and, of a server, its last latencies in milliseconds.

    ``at`` is when its last result came (monotonic clock).
    """

    key: Key
    row: Row
    revision: int
    fields: Fields
    numbers: Numbers = NO_NUMBERS
    latencies: deque[float] = field(default_factory=lambda: deque(maxlen=MAX_POINTS))
    at: float | None = None

    def set_row(self, row: Row, revision: int) -> None:
        """Show this row, which is a change if its texts are others."""
        if row != self.row:
            self.row, self.revision = row, revision

    def set_numbers(self, real: Fields, at: float | None) -> bool:
        """Take the numbers of a server whose last result came at a time; return whether they have changed."""
        kernel, latency, before = real["kernel"] or {}, None, self.numbers
        if at is not None and (self.at is None or at - self.at > SAME_MOMENT):
            latency, self.at = milliseconds(real["observed"]["latency"]), at
        if latency is not None:
            self.latencies.append(latency)
        self.numbers = Numbers(latency, kernel.get("active"), kernel.get("inactive"))
        return latency is not None or self.numbers[1:] != before[1:]


class Changes(NamedTuple):
    """What changed until ``revision``: rows by key, and numbers by the position of the item."""

    revision: int
    rows: dict[Key, Row]
    numbers: dict[int, Sequence[Numbers]]


class Board:
    """The items in the order of the file.

    Its state: the items, by key, by position and by the number of the server; why the kernel cannot be read, "" if it
    can; the number of the last change and of the last change of these or of which items there are; the last changes of
    numbers; when servers came up or went down; and the time before which certificates end that are near their end.
    """

    def __init__(self) -> None:
        self.items: dict[Key, Item] = {}
        self.revision = 0
        self.laid_out = 0
        self.kernel_error = ""
        self._ordered: list[Item] = []
        self._positions: dict[int, int] = {}
        self._numbers: deque[tuple[int, dict[int, Numbers]]] = deque(maxlen=MAX_CHANGES)
        self._forgotten = 0
        self._transitions: defaultdict[Key, deque[float]] = defaultdict(lambda: deque(maxlen=FLAPPING_COUNT))
        self._certificate_limit = ""

    def apply_answer(self, servers: ServerReplica, now: float) -> bool:
        """Show all servers anew; return whether anything changed. ``now``: seconds of the monotonic clock."""
        revision, former = self.revision + 1, (self.kernel_error, list(self.items))
        virtuals = servers.answer["virtuals"] if servers.answer else ()
        self.kernel_error = (servers.answer["kernel"]["error"] or "") if servers.answer else ""
        self.items = {key: self._item(key, fields, revision, now) for key, fields in _entries(virtuals)}
        self._ordered = list(self.items.values())
        self._positions = {
            item.fields["number"]: position for position, item in enumerate(self._ordered) if "observed" in item.fields
        }
        changed = self._set_numbers(servers, self._positions)
        if laid_out := (self.kernel_error, list(self.items)) != former:
            self.laid_out = revision
            self._transitions = defaultdict(self._transitions.default_factory, self._kept_transitions())
        return self._finish(revision, changed, laid_out=laid_out)

    def apply_changes(self, servers: ServerReplica, changes: ReplicaChanges, now: float) -> bool:
        """Show what has changed of the servers; return whether anything changed here."""
        revision = self.revision + 1
        for name in changes.virtuals:
            self.items[name].set_row(virtual_row(servers.virtual(name)), revision)
        for number in changes.reals:
            item = self._ordered[self._positions[number]]
            item.fields = _steady(servers.reals[number], item.row)
            item.set_row(self._server_row(item.key, item.fields, now), revision)
        self._end_flapping(revision, now)
        numbers = dict.fromkeys((*changes.results, *changes.connections, *changes.reals))
        return self._finish(revision, self._set_numbers(servers, numbers))

    def record_event(self, event: Mapping[str, Any], now: float) -> bool:
        """Show a transition of a server at once, before the next update; return whether one is shown."""
        key = f"{event.get('virtual')}/{event.get('real')}"
        if event.get("event") not in {"server-up", "server-down"} or (item := self.items.get(key)) is None:
            return False
        self._transitions[key].append(now)
        known = {name: event.get(name) for name in ("up", "code", "reason", "failures", "successes")}
        observed = {**item.fields["observed"], **known, "since": event.get("time")}
        trouble = [name for name in item.fields["trouble"] if name not in {"down", "failing", "unknown", "no-verdict"}]
        fields = {**item.fields, "observed": observed, "trouble": trouble if event["up"] else ["down", *trouble]}
        self.revision += 1
        item.fields, item.row, item.revision = fields, self._server_row(key, fields, now), self.revision
        return True

    def show_certificates(self, limit: str, now: float) -> bool:
        """Show that the certificates are near their end that end before a time; return whether a row changed.

        ``limit`` is that of ``certificate_limit``.
        """
        if limit == self._certificate_limit:
            return False
        self._certificate_limit, revision = limit, self.revision + 1
        for item in self._ordered:
            if "observed" in item.fields and is_near_end(item.fields, limit):
                item.set_row(self._server_row(item.key, item.fields, now), revision)
        return self._finish(revision, ())

    def changes(self, since: int) -> Changes | None:
        """Return what changed after a revision; None if the whole page has to be read again."""
        if not max(self.laid_out, self._forgotten) <= since <= self.revision:
            return None
        rows = {item.key: item.row for item in self.items.values() if item.revision > since}
        missed = [changed for revision, changed in self._numbers if revision > since]
        count = sum(map(len, missed))
        if len(rows) > MAX_ROWS_SENT or count > max(MAX_NUMBERS_SENT, 2 * len(self.items)):
            return None
        numbers: defaultdict[int, list[Numbers]] = defaultdict(list)
        for changed in missed:
            for position, each in changed.items():
                numbers[position].append(each)
        return Changes(self.revision, rows, dict(numbers))

    def _set_numbers(self, servers: ServerReplica, numbers: Iterable[int]) -> list[int]:
        """Take latencies and connections of these servers; return the positions of those that have changed."""
        found = [(number, self._positions[number]) for number in numbers]
        return [
            position
            for number, position in found
            if self._ordered[position].set_numbers(servers.reals[number], servers.result_at(number))
        ]

    def _finish(self, revision: int, changed: Sequence[int], *, laid_out: bool = False) -> bool:
        """Count the revision if anything changed in it: which items there are, the numbers of some, or a row."""
        if not laid_out and not changed and not any(item.revision == revision for item in self._ordered):
            return False
        self.revision = revision
        if len(self._numbers) == MAX_CHANGES:
            self._forgotten = self._numbers[0][0]
        self._numbers.append((revision, {position: self._ordered[position].numbers for position in changed}))
        return True

    def _item(self, key: Key, fields: Fields, revision: int, now: float) -> Item:
        item = self.items.get(key)
        if "observed" not in fields:
            row = virtual_row(fields)
        else:
            fields = fields if item is None else _steady(fields, item.row)
            row = self._server_row(key, fields, now)
        if item is None:
            return Item(key, row, revision, fields)
        item.fields = fields
        item.set_row(row, revision)
        return item

    def _server_row(self, key: Key, fields: Fields, now: float) -> Row:
        flapping = ["flapping"] if self._flaps(key, now) else []
        ending = ["certificate"] if is_near_end(fields, self._certificate_limit) else []
        return server_row(fields, [*fields["trouble"], *flapping, *ending])

    def _end_flapping(self, revision: int, now: float) -> None:
        """Show the rows of servers anew that flap no more."""
        for key in self._transitions:
            item = self.items.get(key)
            if item is not None and "flapping" in item.row["troubles"] and not self._flaps(key, now):
                item.set_row(self._server_row(key, item.fields, now), revision)

    def _flaps(self, key: Key, now: float) -> bool:
        times = self._transitions.get(key)
        return times is not None and len(times) == FLAPPING_COUNT and now - times[0] < FLAPPING_PERIOD

    def _kept_transitions(self) -> dict[Key, deque[float]]:
        return {key: times for key, times in self._transitions.items() if key in self.items}


def _entries(virtuals: Sequence[Fields]) -> Iterator[tuple[Key, Fields]]:
    for virtual in virtuals:
        yield virtual["virtual"], virtual
        for real in virtual["reals"]:
            yield f"{virtual['virtual']}/{real['real']}", real


def _steady(fields: Fields, row: Row) -> Fields:
    """Return fields whose ``since`` is the text that the row of the server has, if it means the same moment.

    The daemon computes this time from an age for each row anew: it differs by a millisecond.
    """
    observed = fields["observed"]
    if not _is_same_moment(observed["since"], row["since"]):
        return fields
    return {**fields, "observed": {**observed, "since": row["since"]}}


def _is_same_moment(one: str | None, other: str | None) -> bool:
    if not one or not other:
        return False
    return abs((datetime.fromisoformat(one) - datetime.fromisoformat(other)).total_seconds()) < SAME_MOMENT


def milliseconds(seconds: float | None) -> float | None:
    """Return a latency in milliseconds with three digits."""
    return None if seconds is None else float(f"{1000 * seconds:.3g}")
