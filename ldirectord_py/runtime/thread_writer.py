"""A bounded queue that a daemon thread writes out in batches: adding to it never waits for a disk."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Final, Generic, TypeVar

MAX_QUEUED: Final = 10_000
"""Items in the queue; all further ones are dropped and counted."""

MAX_BATCH: Final = 500

PAUSE: Final = 0.02
"""Seconds between two batches that are not full, in which items gather: each costs two changes of thread.

Benchmark start: 14 lines in each batch without it, as the machine is slow.
"""

T = TypeVar("T")


class _Mark(threading.Event):
    """A place in the queue, which is set when all items before it are written."""


class ThreadWriter(Generic[T]):
    """Passes the items of a queue to ``write``, in their order, in a daemon thread.

    ``write(items, dropped)`` must not raise; ``dropped`` counts the items that did not fit into the queue since the
    call before. The thread calls ``on_end`` when it ends. Its state: the queue, the thread, how many items it is
    writing, how many were dropped since the last write, and ``lost`` in all.
    The queue is a SimpleQueue, which is written in C: an item costs 1 us, and 10 with a Queue.
    """

    def __init__(
        self, name: str, write: Callable[[Sequence[T], int], None], on_end: Callable[[], None] = lambda: None
    ) -> None:
        self._name = name
        self._write = write
        self._on_end = on_end
        self._queue: queue.SimpleQueue[T | _Mark] = queue.SimpleQueue()
        self._dropped = 0
        self._writing = 0
        self.lost = 0
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start the thread; raises RuntimeError when this host cannot start one."""
        thread = threading.Thread(target=self._run, name=self._name, daemon=True)
        thread.start()
        self._thread = thread

    def put(self, item: T) -> None:
        """Queue an item, or drop and count it; raises RuntimeError as ``start``, while the item waits."""
        if self._queue.qsize() < MAX_QUEUED:
            self._queue.put(item)
        else:
            self._dropped += 1
            self.lost += 1
        if self._thread is None:
            self.start()

    def join(self) -> None:
        """Return once all queued items are written; without a timeout, for tests and tools."""
        written = _Mark()
        self._queue.put(written)
        written.wait()

    def close(self, timeout: float) -> Sequence[T]:
        """Write the queued lines, for ``timeout`` seconds at most, and end the thread.

        Returns the items that no thread could be started for. Items that are not written by then count as lost.
        """
        if self._closed.is_set():
            return ()
        self._closed.set()
        if self._thread is None:
            return _items(iter(self._get_nowait, None))
        self._queue.put(_Mark())  # wakes the thread
        self._thread.join(timeout)
        if self._thread.is_alive():
            self.lost += self._writing + max(0, self._queue.qsize() - 1)  # without the mark
        return ()

    def _run(self) -> None:
        while not (self._closed.is_set() and self._queue.empty()):
            batch = self._next_batch()
            dropped, self._dropped = self._dropped, 0
            items = _items(batch)
            self._writing = len(items)
            if items or dropped:
                self._write(items, dropped)
            self._writing = 0
            for each in batch:
                if isinstance(each, _Mark):
                    each.set()
            if len(batch) < MAX_BATCH:
                self._closed.wait(PAUSE)
        self._on_end()

    def _next_batch(self) -> list[T | _Mark]:
        get = self._queue.get_nowait
        first = self._queue.get()
        # Never Empty: only this thread takes items out.
        return [first, *(get() for _ in range(min(self._queue.qsize(), MAX_BATCH - 1)))]

    def _get_nowait(self) -> T | _Mark | None:
        try:
            return self._queue.get_nowait()
        except queue.Empty:
            return None


def _items(queued: Iterable[T | _Mark]) -> list[T]:
    return [each for each in queued if not isinstance(each, _Mark)]
