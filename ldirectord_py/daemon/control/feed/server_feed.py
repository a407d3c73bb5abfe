"""What changes about the servers, made once for all clients that follow it; without any, nothing is done.

::

    results, by FreshResults ----.
    events of the director ------+--> FeedMarks --> an update, each UPDATE_INTERVAL --> FeedUpdates --> watch.py
    the kernel, by FeedCounts ---'
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from typing import Final, NoReturn, TypeVar

from ldirectord_py.control.protocol import Encoded
from ldirectord_py.daemon.control.feed.counts import FeedCounts
from ldirectord_py.daemon.control.feed.layout import FeedLayout
from ldirectord_py.daemon.control.feed.marks import FeedMarks
from ldirectord_py.daemon.control.feed.updates import FeedUpdates
from ldirectord_py.daemon.control.servers.kernel_usage import KernelReading
from ldirectord_py.daemon.control.servers.knowledge import Knowledge, knowledge
from ldirectord_py.daemon.history.transitions import TransitionHistory
from ldirectord_py.daemon.reconciler.director import Director
from ldirectord_py.desired import real_key
from ldirectord_py.ipvs.kernel import Kernel
from ldirectord_py.ipvs.table import DestinationKey
from ldirectord_py.report.events import Administered, Checked, ConfigInForce, Drifted, Event, Flapping, Written
from ldirectord_py.runtime.garbage import freeze_survivors
from ldirectord_py.runtime.json_lines import encode_integers
from ldirectord_py.runtime.slices import one_slice
from ldirectord_py.runtime.waiting import wait_or_set
from ldirectord_py.slow_start import ALL_WHOLE, Tenths

logger = logging.getLogger(__name__)

UPDATE_INTERVAL: Final = 2.0
"""Seconds between two updates."""

EVENT_DELAY: Final = 0.5
"""Seconds between two updates at least, if something happens."""

MAX_ROWS: Final = 100
"""Rows of servers in an update; the others are in the next ones."""

ROWS_DELAY: Final = 0.05
"""Seconds to the next update, if there are more rows."""

ROWS_AT_ONCE: Final = 25
"""Rows that are made in a turn of the event loop: some 2 ms."""

RESULTS_AT_ONCE: Final = 1000
"""Results that are looked at in a turn of the event loop: 0.4 us for each."""

RETRY_DELAY: Final = 10.0
"""Seconds after which a feed that failed begins anew."""

Item = TypeVar("Item")


class ServerFeed:
    """A Listener. Its state: who follows, the task that works for them, the updates, the marks, the kernel's counts.

    Also the servers whose results are overdue, the servers in maintenance, the counts of servers that panic keeps in,
    and the servers whose weight rises, as they were published; and when it looks at these, at the results and at the
    kernel again.
    """

    def __init__(self, director: Director, transitions: TransitionHistory, kernel: Kernel) -> None:
        self.updates = FeedUpdates()
        self.layout: FeedLayout | None = None
        self._director = director
        self._transitions = transitions
        self._kernel = kernel
        self._followers: dict[Callable[[], None], None] = {}
        self._task: asyncio.Task[NoReturn] | None = None
        self._counts = FeedCounts(kernel)
        self._marks: FeedMarks | None = None
        self._late: frozenset[int] = frozenset()
        self._maintained: frozenset[DestinationKey] = frozenset()
        self._kept: Mapping[DestinationKey, tuple[int, int]] = {}
        self._tenths: Tenths = ALL_WHOLE
        self._happened = asyncio.Event()
        self._collect_after = 0.0

    def __call__(self, event: Event) -> None:
        """Mark the server that an event is about."""
        if self._task is None:
            return
        if isinstance(event, Written):
            self._counts.record_write(event.op.row.key)
        if (marks := self._marks) is None:
            return
        if isinstance(event, Written):
            marks.add_row(event.op.row.key)
        elif isinstance(event, Drifted):
            for row in (event.before, event.found):
                if row is not None:
                    marks.add_row(row.key)
        elif isinstance(event, Administered | Checked | Flapping):
            marks.add_servers((real_key(event.virtual, event.real),))
        elif not isinstance(event, ConfigInForce):
            return
        self._happened.set()

    @property
    def reading(self) -> KernelReading:
        """What the kernel has, as the updates say it."""
        return self._counts.reading

    def add_follower(self, on_update: Callable[[], None]) -> None:
        """Call ``on_update`` after each update, and when everybody has to begin anew, until ``remove_follower``."""
        self._followers[on_update] = None
        if self._task is None:
            self._task = asyncio.create_task(self._run())

    def remove_follower(self, on_update: Callable[[], None]) -> None:
        """Call it no more."""
        self._followers.pop(on_update, None)
        if not self._followers and self._task is not None:
            self._task.cancel()
            self._task = None
            self._drop_layout()

    def row_made(self, layout: FeedLayout, number: int) -> None:
        """Note that a client gets the row of a server right now; what differs from updates is in the next one."""
        if self._marks is not None and layout is self.layout and layout.fresh.words(number) != layout.words[number]:
            self._marks.add(number)

    def mark_changes_without_event(self) -> None:
        """Mark the servers whose results are overdue, that panic keeps in, rise, or are in maintenance, or no more.

        To be called before rows are made of what is known now: should it change back, an update has to say so.
        """
        if (marks := self._marks) is None:
            return
        tracker, maintained = self._director.tracker, self._director.maintained
        late, kept = marks.layout.fresh.late(time.monotonic()), tracker.panics.verdicts_in_a_row
        tenths = dict(tracker.slow_starts.tenths)
        for number in late ^ self._late:
            marks.add(number)
        marks.add_servers(dict(kept.items() ^ self._kept.items()))
        marks.add_servers(dict(tenths.items() ^ self._tenths.items()))
        if maintained is not self._maintained:
            marks.add_servers(maintained ^ self._maintained)
        self._late, self._maintained, self._kept, self._tenths = late, maintained, kept, tenths

    def summary(self, layout: FeedLayout) -> dict[str, object]:
        """Return how old the reading of the kernel is, or why there is none, and the age of the oldest last result."""
        now, oldest = time.monotonic(), layout.fresh.oldest()
        return {
            "kernel": {"age": round(now - self.reading.at, 3), "error": self.reading.error},
            "oldest_result": None if oldest is None else round(max(0.0, now - oldest), 3),
        }

    async def _run(self) -> NoReturn:
        """Publish updates, for ever."""
        while True:
            try:
                delay = await self._publish_next()
            except Exception:  # a fault of ours must not end the daemon
                logger.exception("The feed of the control socket failed")
                self._drop_layout()
                await asyncio.sleep(RETRY_DELAY)  # whatever happens
                continue
            await asyncio.sleep(min(delay, EVENT_DELAY))
            if delay > EVENT_DELAY:
                await wait_or_set(self._happened, delay - EVENT_DELAY)

    async def _publish_next(self) -> float:
        """Publish an update, or a layout; return the seconds to the next one."""
        marks = self._marks
        if marks is None or not marks.layout.is_current or not marks.layout.fresh.is_complete:
            self._happened.clear()
            await self._lay_out()
            return UPDATE_INTERVAL
        if not marks.reals or time.monotonic() >= self._collect_after:  # also where events never cease
            self._happened.clear()
            await self._collect(marks)
            self._collect_after = time.monotonic() + EVENT_DELAY
            if self._marks is not marks:
                return UPDATE_INTERVAL
        self.updates.append(await self._compose(marks))
        self._notify()
        return ROWS_DELAY if marks.reals else UPDATE_INTERVAL

    async def _lay_out(self) -> None:
        """Give the servers of the configuration in force their numbers, and read the kernel."""
        self._drop_layout()
        self._counts = FeedCounts(self._kernel)
        layout = FeedLayout(self._director)
        while not await layout.fill():
            layout = FeedLayout(self._director)
        await self._counts.refresh(layout.compiled)
        tracker, self._maintained = self._director.tracker, self._director.maintained
        self._kept, self._tenths = tracker.panics.verdicts_in_a_row, dict(tracker.slow_starts.tenths)
        freeze_survivors()  # or each full collection goes through what was made of thousands of servers
        self._begin(layout)

    def _begin(self, layout: FeedLayout) -> None:
        """Let everybody begin anew."""
        self._marks, self.layout = FeedMarks(layout), layout
        self.updates.start_anew()
        self._notify()

    def _drop_layout(self) -> None:
        self._director.tracker.results.end_following()
        self._marks = self.layout = None
        self._late = frozenset()
        self.updates.start_anew()

    def _notify(self) -> None:
        for on_update in tuple(self._followers):
            on_update()

    async def _collect(self, marks: FeedMarks) -> None:
        """Mark what is new of the checks and in the kernel, and what changed without an event."""
        layout = marks.layout
        for _ in range(0, layout.fresh.new_count, RESULTS_AT_ONCE):
            async with one_slice():
                if not layout.is_current:
                    return
                marks.add_results(RESULTS_AT_ONCE, time.monotonic_ns())
        marks.add_servers(self._director.tracker.flaps.flapping)
        self.mark_changes_without_event()
        error = self.reading.error
        changed = await self._counts.refresh(layout.compiled)
        if self.reading.error != error:
            self._begin(layout)
            return
        for key in changed.rows:
            marks.add_row(key)
        for key in changed.counts:
            marks.add_counts(key)

    async def _compose(self, marks: FeedMarks) -> dict[str, object]:
        """Return the fields of an update about what is marked, of which some rows may be left for the next one."""
        reals = await self._make_rows(marks, list(islice(marks.reals, MAX_ROWS)), marks.real_rows)
        virtuals = await self._make_rows(marks, list(marks.virtuals), marks.virtual_rows)
        return {
            **self.summary(marks.layout),
            "virtuals": Encoded(f"[{','.join(virtuals)}]"),
            "reals": Encoded(f"[{','.join(reals)}]"),
            "results": Encoded(encode_integers(marks.take_results())),
            "connections": Encoded(encode_integers(marks.take_connections(self._knowledge()))),
        }

    async def _make_rows(
        self, marks: FeedMarks, items: Sequence[Item], make: Callable[[Sequence[Item], Knowledge], Iterable[str]]
    ) -> list[str]:
        """Return the rows of these items as JSON, ROWS_AT_ONCE in a turn of the event loop.

        Each turn needs its own knowledge: a row is marked no more once it is made, also if older knowledge misses what
        it was marked for.
        """
        texts: list[str] = []
        for start in range(0, len(items), ROWS_AT_ONCE):
            async with one_slice():
                if marks.layout.is_current:
                    self.mark_changes_without_event()
                    texts += make(items[start : start + ROWS_AT_ONCE], self._knowledge())
        return texts

    def _knowledge(self) -> Knowledge:
        return knowledge(self._director, self._director.health, self._transitions, self.reading)
