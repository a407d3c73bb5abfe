"""Follows the daemon: one snapshot of its servers and its events for all clients of the page.

No client causes a request to the daemon: it is asked for everything in an interval that keeps the cost at the daemon
small, and sooner after an event.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ldirectord_py.runtime.waiting import wait_until_set
from ldirectord_py.web.board import Board
from ldirectord_py.web.connection import DaemonConnection

MIN_INTERVAL: Final = 2.0
MAX_INTERVAL: Final = 20.0
"""Seconds between two snapshots."""

COST: Final = 100
"""An interval is so many times as long as the last answer took: at most a hundredth of the daemon's time."""

EVENT_COST: Final = 10
"""After an event the next snapshot comes after so many times the last answer's time, if that is sooner."""

EVENT_DELAY: Final = 0.75
"""Seconds from an event to the next snapshot, at least: the daemon uses a reading of the kernel for half a second."""

MAX_EVENTS: Final = 10_000
"""Events that are kept, as many as by the daemon."""

SHOW, EVENTS, STATUS, COUNTERS = 1, 2, 3, 4
"""The numbers of our requests."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """An answer to ``show``, its line, when it came (monotonic clock, seconds), and the ``interval`` to the next."""

    answer: Mapping[str, Any]
    line: bytes
    at: float
    interval: float

    def age(self) -> float:
        """Return the age in seconds."""
        return time.monotonic() - self.at


class Feed:
    """Its state: the last snapshot, the board, the daemon's status, counters and events, and who is called for changes.

    ``epoch`` names the numbers of this process, ``events_epoch`` those of the events.
    """

    def __init__(self) -> None:
        self.epoch = os.urandom(4).hex()
        self.board = Board()
        self.snapshot: Snapshot | None = None
        self.status: Mapping[str, Any] = {}
        self.counters: Mapping[str, Any] = {}
        self.events: deque[Mapping[str, Any]] = deque(maxlen=MAX_EVENTS)
        self.events_epoch = ""
        self.events_gap: Mapping[str, Any] | None = None
        self._connection: DaemonConnection | None = None
        self._followers: dict[Callable[[], None], None] = {}
        self._wanted = asyncio.Event()
        self._answered = asyncio.Event()
        self._asked_at = 0.0
        self._took = 0.0

    @property
    def silence(self) -> float:
        """The seconds since the daemon was heard last; it says something each second."""
        return time.monotonic() - self._connection.heard_at if self._connection else 0.0

    @property
    def last_event(self) -> int:
        """The number of the last event."""
        return int(self.events[-1]["seq"]) if self.events else 0

    def events_since(self, seq: int, limit: int) -> Sequence[Mapping[str, Any]]:
        """Return the events after a number, the oldest first, at most ``limit`` of them."""
        if not self.events:
            return ()
        start = max(0, seq + 1 - int(self.events[0]["seq"]))
        return [self.events[i] for i in range(start, min(len(self.events), start + limit))]

    def follow(self, on_change: Callable[[], None]) -> None:
        """Call ``on_change`` after each change, until ``unfollow``."""
        self._followers[on_change] = None

    def unfollow(self, on_change: Callable[[], None]) -> None:
        """Call it no more."""
        self._followers.pop(on_change, None)

    async def run(self, connection: DaemonConnection) -> None:
        """Follow the daemon until it ends the connection."""
        self._connection = connection
        connection.send(STATUS, "status")
        connection.send(EVENTS, "events", follow=True, since=0)
        asking = asyncio.create_task(self._ask_again_and_again(connection))
        try:
            async for answer, line in connection.answers():
                self._take(answer, line)
        finally:
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)

    async def _ask_again_and_again(self, connection: DaemonConnection) -> None:
        while True:
            self._wanted.clear()
            self._answered.clear()
            self._asked_at = time.monotonic()
            connection.send(SHOW, "show")
            connection.send(COUNTERS, "counters")
            await self._answered.wait()
            await self._wait_for_next()

    async def _wait_for_next(self) -> None:
        """Wait for the interval, or less after an event."""
        interval = self.interval
        if not await wait_until_set(self._wanted, interval):
            return
        waited = time.monotonic() - (self.snapshot.at if self.snapshot else 0.0)
        await asyncio.sleep(min(max(EVENT_DELAY, EVENT_COST * self._took - waited), max(0.0, interval - waited)))

    @property
    def interval(self) -> float:
        """Seconds to the next snapshot."""
        return min(MAX_INTERVAL, max(MIN_INTERVAL, COST * self._took))

    def _take(self, answer: dict[str, Any], line: bytes) -> None:
        number = answer.get("id")
        if not answer.get("ok"):
            if number == SHOW:
                self._answered.set()  # the daemon is busy: asked again after the interval
        elif number == SHOW:
            self._take_snapshot(answer, line)
        elif number == EVENTS:
            self._take_events(answer)
        elif number == STATUS:
            self.status = answer
        elif number == COUNTERS:
            self.counters = answer

    def _take_snapshot(self, answer: dict[str, Any], line: bytes) -> None:
        now = time.monotonic()
        self._took = now - self._asked_at
        self.snapshot = Snapshot(answer, line, now, self.interval)
        self.board.apply_answer(answer["virtuals"], now)
        self._answered.set()
        self._notify()

    def _take_events(self, answer: dict[str, Any]) -> None:
        new = answer["events"]
        live = bool(self.events_epoch) and not answer["gap"]
        self.events_epoch = answer["epoch"]
        if answer["gap"]:
            self.events.clear()  # their numbers have to follow each other
            self.events_gap = answer["gap"]
        self.events.extend(new)
        if live:
            for event in new:
                self.board.record_event(event, time.monotonic())
        if new:
            self._wanted.set()
            self._notify()

    def _notify(self) -> None:
        for on_change in tuple(self._followers):
            on_change()
