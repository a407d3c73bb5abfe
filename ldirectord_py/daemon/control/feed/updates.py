"""The last updates of a feed, encoded once for all who follow it."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Final, NamedTuple

from ldirectord_py.control.protocol import Answer, Encoded

MAX_UPDATES: Final = 64
MAX_UPDATES_LENGTH: Final = 2 * 1024 * 1024
"""How many updates are kept, and of how many characters; whoever needs an older one begins anew."""


class FeedUpdate(NamedTuple):
    """An update with its number."""

    number: int
    fields: Answer


class FeedUpdates:
    """Its state: the number of the last update, the last updates, and how many characters these have."""

    def __init__(self) -> None:
        self.last = 0
        self._kept: deque[tuple[FeedUpdate, int]] = deque()
        self._length = 0

    def append(self, fields: Answer) -> None:
        """Keep an update with the next number; the oldest ones go, as far as there is no room for them."""
        self.last += 1
        length = sum(len(value.text) for value in fields.values() if isinstance(value, Encoded))
        self._kept.append((FeedUpdate(self.last, fields), length))
        self._length += length
        while self._kept and (len(self._kept) > MAX_UPDATES or self._length > MAX_UPDATES_LENGTH):
            self._length -= self._kept.popleft()[1]

    def start_anew(self) -> None:
        """Forget all updates, so that everybody begins anew."""
        self.last += 1
        self._kept.clear()
        self._length = 0

    def after(self, number: int) -> Sequence[FeedUpdate] | None:
        """Return the updates after a number; None if one of them is not kept any more."""
        first = self._kept[0][0].number if self._kept else self.last + 1
        if not first - 1 <= number <= self.last:
            return None
        return [update for update, _ in self._kept if update.number > number]
