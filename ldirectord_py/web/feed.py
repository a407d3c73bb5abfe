"""Follows the daemon for all clients of the page: its servers, its events, and its counters. No client asks it."""

from __future__ import annotations

import asyncio
import os
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from ldirectord_py.control.server_replica import ReplicaChanges, ServerReplica
from ldirectord_py.web.board import Board
from ldirectord_py.web.certificates import certificate_limit
from ldirectord_py.web.connection import DaemonConnection

COUNTERS_INTERVAL: Final = 5.0
"""Seconds between two questions for the counters, which come after an update about the servers."""

RETRY_DELAY: Final = 2.0
"""Seconds after which the servers are asked for again, if the daemon is too busy."""

MAX_EVENTS: Final = 10_000
"""Events that are kept, as many as by the daemon."""

WATCH, EVENTS, STATUS, COUNTERS = 1, 2, 3, 4
"""The numbers of our requests."""


class Feed:
    """Its state: the servers, the board, the daemon's status, counters and events, and who is called for changes.

    ``epoch`` names the numbers of this process, ``events_epoch`` those of the events; ``revision`` counts the updates.
    ``rows_revision`` is that of the last one with rows, ``connections_revision`` that of the last one with connections.
    """

    def __init__(self) -> None:
        self.epoch = os.urandom(4).hex()
        self.board = Board()
        self.servers = ServerReplica()
        self.revision = self.rows_revision = self.connections_revision = 0
        self.status: Mapping[str, Any] = {}
        self.counters: Mapping[str, Any] = {}
        self.events: deque[Mapping[str, Any]] = deque(maxlen=MAX_EVENTS)
        self.events_epoch = ""
        self.events_gap: Mapping[str, Any] | None = None
        self._connection: DaemonConnection | None = None
        self._followers: dict[Callable[[], None], None] = {}
        self._counters_due = 0.0

    @property
    def silence(self) -> float:
        """The seconds since the daemon was heard last; it says something each second."""
        return time.monotonic() - self._connection.heard_at if self._connection else 0.0

    @property
    def age(self) -> float | None:
        """The seconds since the last update about the servers, None before the first one."""
        updated = self.servers.updated_at
        return None if updated is None else time.monotonic() - updated

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
        connection.send(WATCH, "watch")
        async for answer in connection.answers():
            self._take(answer, connection)

    def _take(self, answer: dict[str, Any], connection: DaemonConnection) -> None:
        number = answer.get("id")
        if number == WATCH and not answer.get("more"):
            asyncio.get_running_loop().call_later(RETRY_DELAY, connection.send, WATCH, "watch")
        elif number == WATCH:
            self._take_servers(answer)
            self._ask_for_counters(connection)
        elif not answer.get("ok"):
            pass  # the daemon is busy
        elif number == EVENTS:
            self._take_events(answer)
        elif number == STATUS:
            self.status = answer
        elif number == COUNTERS:
            self.counters = answer

    def _ask_for_counters(self, connection: DaemonConnection) -> None:
        if (now := time.monotonic()) >= self._counters_due:
            self._counters_due = now + COUNTERS_INTERVAL
            connection.send(COUNTERS, "counters")

    def _take_servers(self, answer: dict[str, Any]) -> None:
        now = time.monotonic()
        changes = self.servers.apply(answer, now)
        if changes is None:
            return
        self._count(changes)
        self.board.show_certificates(certificate_limit(time.time()), now)
        if changes.everything:
            self.board.apply_answer(self.servers, now)
        else:
            self.board.apply_changes(self.servers, changes, now)
        self._notify()

    def _count(self, changes: ReplicaChanges) -> None:
        """Count an update, and note what it changed."""
        self.revision += 1
        if changes.everything or changes.reals or changes.virtuals:
            self.rows_revision = self.revision
        if changes.everything or changes.reals or changes.connections:
            self.connections_revision = self.revision

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
            self._notify()

    def _notify(self) -> None:
        for on_change in tuple(self._followers):
            on_change()
