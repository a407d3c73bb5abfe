"""What all clients of the page see: rows, latencies and connections, each change with a number to resume from."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, NamedTuple

from ldirectord_py.web.rows import Fields, Row, server_row, virtual_row

MAX_POINTS: Final = 60
"""Latencies that are kept of each server."""

MAX_CHANGES: Final = 100
"""Changes of numbers that are kept for clients who resume; whoever is further behind reads the whole page again."""

FLAPPING_COUNT: Final = 4
FLAPPING_PERIOD: Final = 600.0
"""A server flaps that came up or went down so often in so many seconds."""

SAME_MOMENT: Final = 0.5
"""Seconds; two times that differ by less are the same, as a check is probed once a second at most."""

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
    """A row, the number of its last change, and, of a server, its last latencies in milliseconds."""

    key: Key
    row: Row
    revision: int
    fields: Fields
    numbers: Numbers = NO_NUMBERS
    latencies: deque[float] = field(default_factory=lambda: deque(maxlen=MAX_POINTS))
    at: str | None = None


class Changes(NamedTuple):
    """What changed until ``revision``: rows by key, and numbers by the position of the item."""

    revision: int
    rows: dict[Key, Row]
    numbers: dict[int, Sequence[Numbers]]


class Board:
    """The items in the order of the file.

    Its state: the items, the number of the last change and of the last change of which items there are, the last
    changes of numbers, and when servers came up or went down.
    """

    def __init__(self) -> None:
        self.items: dict[Key, Item] = {}
        self.revision = 0
        self.laid_out = 0
        self._numbers: deque[tuple[int, dict[int, Numbers]]] = deque(maxlen=MAX_CHANGES)
        self._forgotten = 0
        self._transitions: defaultdict[Key, deque[float]] = defaultdict(lambda: deque(maxlen=FLAPPING_COUNT))

    def apply_answer(self, virtuals: Sequence[Fields], now: float) -> bool:
        """Take over an answer to ``show``; return whether anything changed. ``now``: seconds of the monotonic clock."""
        revision, former = self.revision + 1, self.items
        items = {key: self._item(key, fields, revision, now) for key, fields in _entries(virtuals)}
        numbers = dict(_changed_numbers(items.values(), former))
        laid_out = list(items) != list(former)
        self.items = items
        if not laid_out and not numbers and not any(item.revision == revision for item in items.values()):
            return False
        self.revision = revision
        if laid_out:
            self.laid_out = revision
            self._transitions = defaultdict(self._transitions.default_factory, self._kept_transitions())
        self._remember(numbers)
        return True

    def record_event(self, event: Mapping[str, Any], now: float) -> bool:
        """Show a transition of a server at once, before the next answer to ``show``; return whether one is shown."""
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

    def changes(self, since: int) -> Changes | None:
        """Return what changed after a revision; None if the whole page has to be read again."""
        if not max(self.laid_out, self._forgotten) <= since <= self.revision:
            return None
        rows = {item.key: item.row for item in self.items.values() if item.revision > since}
        numbers: defaultdict[int, list[Numbers]] = defaultdict(list)
        for revision, changed in self._numbers:
            if revision > since:
                for position, each in changed.items():
                    numbers[position].append(each)
        return Changes(self.revision, rows, dict(numbers))

    def _remember(self, numbers: dict[int, Numbers]) -> None:
        if len(self._numbers) == MAX_CHANGES:
            self._forgotten = self._numbers[0][0]
        self._numbers.append((self.revision, numbers))

    def _item(self, key: Key, fields: Fields, revision: int, now: float) -> Item:
        is_server = "observed" in fields
        if is_server and (former := self.items.get(key)) is not None:
            fields = _steady(fields, former.fields)
        row = self._server_row(key, fields, now) if is_server else virtual_row(fields)
        item = self.items.get(key)
        same = item is not None and item.row == row
        new = Item(key, row, item.revision if item and same else revision, fields)
        if is_server:
            _take_numbers(new, fields, item)
        return new

    def _server_row(self, key: Key, fields: Fields, now: float) -> Row:
        flapping = ["flapping"] if self._flaps(key, now) else []
        return server_row(fields, [*fields["trouble"], *flapping])

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


def _steady(fields: Fields, former: Fields) -> Fields:
    """Return fields whose times are the former texts where they mean the same moment.

    The daemon computes these times from ages for each answer anew: they differ by a millisecond.
    """
    observed, before = fields["observed"], former.get("observed", {})
    kept = {name: before[name] for name in ("since", "at") if _is_same_moment(observed[name], before.get(name))}
    return {**fields, "observed": {**observed, **kept}}


def _is_same_moment(one: str | None, other: str | None) -> bool:
    if not one or not other:
        return False
    return abs((datetime.fromisoformat(one) - datetime.fromisoformat(other)).total_seconds()) < SAME_MOMENT


def _take_numbers(item: Item, fields: Fields, former: Item | None) -> None:
    """Give an item the numbers of its server, and the latencies of its ``former`` self with the newest one."""
    observed, kernel = fields["observed"], fields["kernel"] or {}
    if former is not None:
        item.latencies = former.latencies
    item.at = observed["at"]
    latency = milliseconds(observed["latency"]) if former is None or item.at != former.at else None
    if latency is not None:
        item.latencies.append(latency)
    item.numbers = Numbers(latency, kernel.get("active"), kernel.get("inactive"))


def milliseconds(seconds: float | None) -> float | None:
    """Return a latency in milliseconds with three digits."""
    return None if seconds is None else float(f"{1000 * seconds:.3g}")


def _changed_numbers(items: Iterable[Item], former: Mapping[Key, Item]) -> Iterator[tuple[int, Numbers]]:
    for position, item in enumerate(items):
        before = former.get(item.key)
        if before is None or (item.numbers != before.numbers._replace(latency=None)):
            yield position, item.numbers
