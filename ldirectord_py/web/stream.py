"""``/api/stream``: the changes of the page as server-sent events, resumed by the number of the last one.

Each second it says how long the daemon has been silent. A slow client gets fewer and larger messages; what waits for it
is not kept.
"""

from __future__ import annotations

import asyncio
from typing import Final

from aiohttp import web

from ldirectord_py.runtime.waiting import wait_or_set
from ldirectord_py.web.keys import FEED, LIMITS, MESSAGES, STREAMS
from ldirectord_py.web.packed import PIECE_LENGTH
from ldirectord_py.web.stream_messages import StreamMessages, StreamPosition

MAX_STREAMS: Final = 64
"""Streams at a time."""

BEAT_INTERVAL: Final = 1.0
"""Seconds between two signs of life."""

WRITE_TIMEOUT: Final = 10.0
"""Seconds in which a client has to read what it was sent."""

RETRY: Final = 1000
"""Milliseconds after which a browser connects again."""


async def stream(request: web.Request) -> web.StreamResponse:
    """Send what changed since ``Last-Event-ID``, or from now on, until the client hangs up."""
    feed, streams, messages = request.app[FEED], request.app[STREAMS], request.app[MESSAGES]
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
        await _send_all(response, messages, messages.position(given), changed)
    except (OSError, TimeoutError):
        if request.transport is not None:
            request.transport.abort()
    finally:
        feed.unfollow(changed.set)
        streams.discard(response)
    return response


async def _send_all(
    response: web.StreamResponse, messages: StreamMessages, seen: StreamPosition, changed: asyncio.Event
) -> None:
    while True:
        changed.clear()
        text, seen = messages.after(seen)
        data = f"{text}{messages.beat()}".encode()
        async with asyncio.timeout(WRITE_TIMEOUT):
            for start in range(0, len(data), PIECE_LENGTH):
                await response.write(data[start : start + PIECE_LENGTH])
        await wait_or_set(changed, BEAT_INTERVAL)
