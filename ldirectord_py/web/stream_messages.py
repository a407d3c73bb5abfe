"""What the stream says to browsers, made once for all who have seen the same.

``rows``: texts of rows that changed, by key. ``numbers``: latency, active and inactive connections, by position.
``journal``: new events of the daemon. ``beat``: how long the daemon has been silent. ``again``: the page has to be read
again.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from ldirectord_py.runtime.json_lines import encode_json
from ldirectord_py.web.feed import Feed
from ldirectord_py.web.page import summary

MAX_EVENTS_SENT: Final = 100
"""Events in a message."""

MAX_EVENTS_MISSED: Final = 1000
"""Events that a client may have missed; whoever missed more reads the whole page again."""


class StreamPosition(NamedTuple):
    """What a client has seen: the revision of the board, and the number of the last event."""

    revision: int
    seq: int


class StreamMessages:
    """The messages of a feed. Its state: the last ones, and for whom: most clients have seen the same."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self._made_for: tuple[StreamPosition, StreamPosition] | None = None
        self._text = ""

    def position(self, last_id: str) -> StreamPosition:
        """Return the position of a client who has seen the message with this number; "": of a new one."""
        epoch, _, numbers = last_id.partition(".")
        revision, _, seq = numbers.partition(".")
        if not last_id:
            return self._newest()
        known = epoch == self._feed.epoch and revision.isdecimal() and seq.isdecimal() and len(numbers) < 40
        return StreamPosition(int(revision), int(seq)) if known else StreamPosition(-1, 0)

    def after(self, seen: StreamPosition) -> tuple[str, StreamPosition]:
        """Return the messages about what a client has not seen, and its position afterwards."""
        newest = self._newest()
        if self._made_for != (seen, newest):
            self._made_for, self._text = (seen, newest), "".join(self._messages(seen))
        return self._text, newest

    def beat(self) -> str:
        """Return the message that says how long the daemon has been silent."""
        return f"event: beat\ndata: {encode_json({'silence': round(self._feed.silence, 2)})}\n\n"

    def _newest(self) -> StreamPosition:
        return StreamPosition(self._feed.board.revision, self._feed.last_event)

    def _messages(self, seen: StreamPosition) -> Iterator[str]:
        feed, newest = self._feed, self._newest()
        changes = feed.board.changes(seen.revision)
        if changes is None or not 0 <= newest.seq - seen.seq <= MAX_EVENTS_MISSED:
            yield self._message("again", {}, newest)
            return
        position = StreamPosition(newest.revision, seen.seq)
        if changes.numbers:
            yield self._message("numbers", changes.numbers, position)
        if changes.rows:
            rows = {"rows": changes.rows, "summary": summary(list(feed.board.items.values()), feed.board.kernel_error)}
            yield self._message("rows", rows, position)
        while events := feed.events_since(position.seq, MAX_EVENTS_SENT):
            position = position._replace(seq=events[-1]["seq"])
            yield self._message("journal", [_shown(event) for event in events], position)

    def _message(self, name: str, data: object, position: StreamPosition) -> str:
        number = f"{self._feed.epoch}.{position.revision}.{position.seq}"
        return f"id: {number}\nevent: {name}\ndata: {encode_json(data)}\n\n"


def _shown(event: Any) -> dict[str, Any]:
    """Return the fields of an event that the page shows."""
    return {name: event.get(name) for name in ("seq", "time", "event", "who", "message")}
