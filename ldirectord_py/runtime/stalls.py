"""How long this process stood still: stopped, waiting for a processor, or busy with something else than its loop."""

from __future__ import annotations

import asyncio
from typing import Final

from ldirectord_py.runtime.loop_local import LoopLocal

BEAT: Final = 1 / 32
"""Seconds from one beat to the next."""

NOISE: Final = 0.005
"""Seconds: beats that are late by no more than this are not counted, as they are on any host."""

STALL: Final = 0.05
"""Seconds by which a beat is late in a stall. A turn of a busy event loop takes less (daemon/probing/admission.py)."""

_SCHEDSTAT = "/proc/thread-self/schedstat"

Seconds = tuple[float, float]
"""Missed and stalled seconds. Missed: by how much beats were late, or how long this thread waited for a processor, if
that is more. Stalled: only by how much beats were late that were late by STALL or more."""


class StallMeter:
    """Adds up by how many seconds its beats are late; it beats only while at least one caller watches."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._watchers = 0
        self._due: float | None = None
        self._seconds: Seconds = (0.0, 0.0)
        self._queue = RunQueue()

    def watch(self) -> Seconds:
        """Begin to watch; return the seconds so far."""
        self._watchers += 1
        if self._due is None:
            self._queue.waited()
            self._schedule(self._loop.time())
        return self._seconds

    def unwatch(self) -> None:
        """Watch no more."""
        self._watchers -= 1

    def since(self, before: Seconds) -> Seconds:
        """Return the seconds since ``watch`` returned these."""
        self._count()
        return self._seconds[0] - before[0], self._seconds[1] - before[1]

    def _schedule(self, now: float) -> None:
        self._due = now + BEAT
        self._loop.call_at(self._due, self._beat)

    def _beat(self) -> None:
        self._count()
        self._due = None
        if self._watchers:
            self._schedule(self._loop.time())

    def _count(self) -> None:
        """Count the beat that is due, once."""
        if self._due is None or (late := self._loop.time() - self._due) <= 0:
            return
        self._due += late
        missed, stalled = self._seconds
        most = max(late, self._queue.waited())
        self._seconds = missed + (most if most > NOISE else 0.0), stalled + (late if late >= STALL else 0.0)


class RunQueue:
    """How long this thread was ready to run and had no processor, as the kernel counts it (0 where it does not)."""

    def __init__(self) -> None:
        self._last = 0

    def waited(self) -> float:
        """Return the seconds since the last call."""
        try:
            with open(_SCHEDSTAT, "rb", buffering=0) as file:  # noqa: PTH123  at a third of the cost of a Path
                total = int(file.read().split()[1])
        except OSError:
            return 0.0
        last, self._last = self._last, total
        return (total - last) / 1e9


stall_meter = LoopLocal(StallMeter)
"""Returns the stall meter of the running event loop."""
