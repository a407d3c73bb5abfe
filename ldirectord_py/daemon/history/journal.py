"""The journal: what happened, numbered, so that a reader can go on where it stopped and knows what it missed."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any, Final, NamedTuple

from ldirectord_py.daemon.history.journal_entries import JournalEntries, JournalEntry
from ldirectord_py.report.event_fields import DAEMON, MINOR, event_fields, event_name
from ldirectord_py.report.events import Event
from ldirectord_py.report.wording import MAX_LISTED
from ldirectord_py.runtime.json_lines import encode_json

MAX_ENTRIES: Final = 10_000
"""Entries that are kept; the oldest go first."""

MAX_TEXT: Final = 500
"""Characters of each text of an entry."""


class Gap(NamedTuple):
    """Entries are missing before those that a reader gets, for a ``reason``; how many is None if nobody knows."""

    reason: str
    missed: int | None


class Journal:
    """A Listener that keeps the last entries, and numbers them from 1 in each ``epoch``.

    An epoch is the life of one daemon. Its state: the entries, the number of the last one, and who is called for each
    new entry.
    """

    def __init__(self, clock: Callable[[], float] = time.time, epoch: str = "") -> None:
        self.epoch = epoch or os.urandom(4).hex()
        self._clock = clock
        self._entries = JournalEntries()
        self._followers: dict[Callable[[], None], None] = {}

    def __call__(self, event: Event) -> None:
        """Keep an event, unless its name is in MINOR."""
        if event_name(event) in MINOR:
            return
        seconds = self._clock()
        text = encode_json(dict(_bounded({"who": DAEMON, **event_fields(event, seconds)})))
        self._entries.append(seconds, text)
        self._entries.drop_before(self.first)
        for on_entry in tuple(self._followers):
            on_entry()

    @property
    def last(self) -> int:
        """The number of the newest entry, 0 if there was none yet."""
        return self._entries.last

    @property
    def first(self) -> int:
        """The number of the oldest entry, that of the next one if there is none."""
        return max(1, self.last + 1 - MAX_ENTRIES)

    def since(self, seq: int, limit: int | None = None) -> list[JournalEntry]:
        """Return the entries after that with the number ``seq``, the oldest first, at most ``limit`` of them."""
        if seq >= self.last:  # what a follower asks each second
            return []
        return list(islice(self._entries.from_number(max(self.first, seq + 1)), limit))

    def since_time(self, seconds: float) -> int:
        """Return the number before that of the first entry from a time on, in seconds since the epoch."""
        first = self._entries.first_since(seconds, self.first)
        return self.last if first is None else first - 1

    def gap(self, seq: int, epoch: str = "") -> Gap | None:
        """Return why entries are missing after ``seq`` of an ``epoch`` ("" for this one), None if none is."""
        if (epoch and epoch != self.epoch) or seq > self.last:
            return Gap("another daemon runs now, which numbers its events from 1", None)
        if seq + 1 < self.first:
            return Gap(f"only the last {MAX_ENTRIES} events are kept", self.first - 1 - seq)
        return None

    def follow(self, on_entry: Callable[[], None]) -> None:
        """Call ``on_entry`` after each new entry, until ``unfollow``; it must not raise."""
        self._followers[on_entry] = None

    def unfollow(self, on_entry: Callable[[], None]) -> None:
        """Call it no more."""
        self._followers.pop(on_entry, None)


def _bounded(fields: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in fields.items():
        if isinstance(value, str):
            yield name, value[:MAX_TEXT]
        elif isinstance(value, list):
            yield name, [each[:MAX_TEXT] if isinstance(each, str) else each for each in value[:MAX_LISTED]]
        else:
            yield name, value
