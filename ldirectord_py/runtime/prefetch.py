"""Items that a thread makes while the former one is in use."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future
from typing import Final, TypeVar

from ldirectord_py.runtime.threads import DaemonThreads

T = TypeVar("T")

_END: Final = object()


def prefetch(items: Iterator[T], threads: DaemonThreads) -> Iterator[T]:
    """Yield the items in order, each made in a thread while the caller uses the one before it.

    An exception in the making of an item is raised in its place. Without a thread to be had, items are made when they
    are asked for. Only one thread at a time uses ``items``.
    """
    following = _submit(items, threads)
    while following is not None:
        item = following.result()
        if item is _END:
            return
        following = _submit(items, threads)
        yield item  # type: ignore[misc]  # not _END
    yield from items


def _submit(items: Iterator[T], threads: DaemonThreads) -> Future[T | object] | None:
    try:
        return threads.submit(lambda: next(items, _END))
    except OSError:
        return None
