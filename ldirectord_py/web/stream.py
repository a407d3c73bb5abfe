"""``/api/stream``: the changes of the page as server-sent events, resumed by the number of the last one.

``rows``: texts of rows that changed, by key. ``numbers``: latency, active and inactive connections, by position.
``journal``: new events of the daemon. ``beat``: each second, how long the daemon has been silent. ``again``: the page
has to be read again. A slow client gets fewer and larger messages; what waits for it is not kept.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any, Final

from aiohttp import web

from ldirectord_py.runtime.json_lines import encode_json
from ldirectord_py.runtime.waiting import wait_until_set
from ldirectord_py.web.feed import Feed
from ldirectord_py.web.keys import FEED, LIMITS, STREAMS
from ldirectord_py.web.packed import PIECE_LENGTH
from ldirectord_py.web.page import summary

MAX_STREAMS: Final = 64
"""Streams at a time."""

BEAT_INTERVAL: Final = 1.0
"""Seconds between two signs of life."""

WRITE_TIMEOUT: Final = 10.0
"""Seconds in which a client has to read what it was sent."""

MAX_EVENTS_SENT: Final = 100
"""Events in a message."""

MAX_EVENTS_MISSED: Final = 1000
"""Events that a client may have missed; whoever missed more reads the whole page again."""

RETRY: Final = 1000
"""Milliseconds after which a browser connects again."""


class StreamPosition:
    """What a client has seen: the revision of the board, and the number of the last event."""

    def __init__(self, feed: Feed, last_id: str) -> None:
        self._feed = feed
        epoch, _, numbers = last_id.partition(".")
        revision, _, seq = numbers.partition(".")
        known = epoch == feed.epoch and revision.isdecimal() and seq.isdecimal() and len(numbers) < 40
        self.revision, self.seq = (int(revision), int(seq)) if known else (-1, 0)
        if not last_id:
            self.revision, self.seq = feed.board.revision, feed.last_event

    def messages(self) -> Iterator[str]:
        """Yield the messages about what this client has not seen; it has, afterwards."""
        feed = self._feed
        changes = feed.board.changes(self.revision)
        if changes is None or not 0 <= feed.last_event - self.seq <= MAX_EVENTS_MISSED:
            self.revision, self.seq = feed.board.revision, feed.last_event
            yield self._message("again", {})
            return
        self.revision = changes.revision
        if changes.numbers:
            yield self._message("numbers", changes.numbers)
        if changes.rows:
            rows = {"rows": changes.rows, "summary": summary(list(feed.board.items.values()))}
            yield self._message("rows", rows)
        while events := feed.events_since(self.seq, MAX_EVENTS_SENT):
            self.seq = events[-1]["seq"]
            yield self._message("journal", [_shown(event) for event in events])

    def _message(self, name: str, data: object) -> str:
        number = f"{self._feed.epoch}.{self.revision}.{self.seq}"
        return f"id: {number}\nevent: {name}\ndata: {encode_json(data)}\n\n"


def beat(feed: Feed) -> str:
    """Return the message that says how long the daemon has been silent."""
    return f"event: beat\ndata: {encode_json({'silence': round(feed.silence, 2)})}\n\n"


async def stream(request: web.Request) -> web.StreamResponse:
    """Send what changed since ``Last-Event-ID``, or from now on, until the client hangs up."""
    feed, streams = request.app[FEED], request.app[STREAMS]
    if len(streams) >= MAX_STREAMS:
        raise web.HTTPServiceUnavailable(text=f"{MAX_STREAMS} streams are open\n", headers={"Retry-After": "5"})
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "X-Accel-Buffering": "no"})
    request.app[LIMITS][0].stream_began(request.transport)
    given = request.headers.get("Last-Event-ID") or request.query.get("last", "")
    streams.add(response)
    changed = asyncio.Event()
    feed.follow(changed.set)
    try:
        async with asyncio.timeout(WRITE_TIMEOUT):
            await response.prepare(request)
            await response.write(f"retry: {RETRY}\n\n".encode())
        await _send_all(response, feed, StreamPosition(feed, given), changed)
    except (OSError, TimeoutError):
        if request.transport is not None:
            request.transport.abort()
    finally:
        feed.unfollow(changed.set)
        streams.discard(response)
    return response


async def _send_all(response: web.StreamResponse, feed: Feed, position: StreamPosition, changed: asyncio.Event) -> None:
    while True:
        changed.clear()
        data = "".join((*position.messages(), beat(feed))).encode()
        async with asyncio.timeout(WRITE_TIMEOUT):
            for start in range(0, len(data), PIECE_LENGTH):
                await response.write(data[start : start + PIECE_LENGTH])
        await wait_until_set(changed, BEAT_INTERVAL)


def _shown(event: Any) -> dict[str, Any]:
    """Return the fields of an event that the page shows."""
    return {name: event.get(name) for name in ("seq", "time", "event", "who", "message")}
