"""How long this process stood still: stopped, waiting for a processor, or busy outside of its event loop."""

from __future__ import annotations

import asyncio
import os
from typing import Final, NamedTuple

from ldirectord_py.runtime.loop_local import LoopLocal

BEAT_INTERVAL: Final = 1 / 32
"""Seconds from one beat to the next."""

MAX_NOISE: Final = 0.005
"""Seconds: beats that are no later than this are not counted; they occur on any host."""

MIN_STALL: Final = 0.05
"""Seconds: a beat this late is a stall. A turn of a busy event loop takes less (daemon/probing/admission.py)."""

_SCHEDSTAT = "/proc/thread-self/schedstat"


class LostSeconds(NamedTuple):
    """``missed``: how late beats were, or how long this thread waited for a processor if that is more.

    ``stalled``: how late those beats were that were late by at least MIN_STALL.
    """

    missed: float
    stalled: float


class StallMeter:
    """Adds up the lateness of its beats, and counts ``stalls``; it beats only while at least one caller watches.

    Its state: how many watch, when the next beat is due, by how much it was late when it was counted last, how long
    this thread has waited for a processor since the beat before, and the sums: now, and without this beat.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._watchers = 0
        self._due: float | None = None
        self._late = self._waited = 0.0
        self.stalls = 0
        self._lost = LostSeconds(0.0, 0.0)
        self._before_beat = self._lost
        self._queue = RunQueue()

    @property
    def stalled_seconds(self) -> float:
        """The seconds of all stalls."""
        return self._lost.stalled

    def watch(self) -> LostSeconds:
        """Start watching; return the seconds so far, with those of a stall that has just been."""
        self._watchers += 1
        if self._due is None:
            self._queue.waited()
            self._schedule(self._loop.time())
        elif self._loop.time() - self._due >= MIN_STALL:  # its beat is still to come
            self._count()
        return self._lost

    def unwatch(self) -> None:
        """Stop watching."""
        self._watchers -= 1

    def since(self, before: LostSeconds) -> LostSeconds:
        """Return the seconds since ``watch`` returned these."""
        self._count()
        return LostSeconds(self._lost.missed - before.missed, self._lost.stalled - before.stalled)

    def _schedule(self, now: float) -> None:
        self._due = now + BEAT_INTERVAL
        self._before_beat, self._late, self._waited = self._lost, 0.0, 0.0
        self._loop.call_at(self._due, self._beat)

    def _beat(self) -> None:
        self._count()
        self._due = None
        if self._watchers:
            self._schedule(self._loop.time())

    def _count(self) -> None:
        """Count how late the beat is by now, all of it: in parts, the lateness of one beat could pass as noise."""
        if self._due is None or (late := self._loop.time() - self._due) <= self._late:
            return
        if self._late < MIN_STALL <= late:
            self.stalls += 1
        self._late = late
        self._waited += self._queue.waited()
        lost = max(late, self._waited)
        missed, stalled = self._before_beat
        missed += lost if lost > MAX_NOISE else 0.0
        stalled += late if late >= MIN_STALL else 0.0
        self._lost = LostSeconds(missed, stalled)


class RunQueue:
    """How long this thread was ready to run and had no processor, as the kernel counts it (0 where it does not)."""

    def __init__(self) -> None:
        self._last = 0

    def waited(self) -> float:
        """Return the seconds since the last call."""
        try:
            total = int(_read_schedstat(_SCHEDSTAT).split()[1])
        except OSError:
            return 0.0
        last, self._last = self._last, total
        return (total - last) / 1e9


def _read_schedstat(path: str) -> bytes:
    """Return the beginning of a file; two system calls less than those of a file object, in each beat."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(descriptor, 128)
    finally:
        os.close(descriptor)


stall_meter = LoopLocal(StallMeter)
"""Returns the stall meter of the running event loop."""
