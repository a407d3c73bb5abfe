from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from ldirectord_py.runtime.prefetch import prefetch
from ldirectord_py.runtime.threads import DaemonThreads

TIMEOUT = 30.0


@pytest.fixture
def threads() -> DaemonThreads:
    return DaemonThreads("test", 1)


def test_all_items_come_in_order(threads: DaemonThreads) -> None:
    assert list(prefetch(iter(range(100)), threads)) == list(range(100))
    assert not list(prefetch(iter(()), threads))


def test_the_next_item_is_made_while_one_is_in_use(threads: DaemonThreads) -> None:
    second_made = threading.Event()

    def items() -> Iterator[int]:
        yield 1
        second_made.set()
        yield 2

    prefetched = prefetch(items(), threads)
    assert next(prefetched) == 1
    assert second_made.wait(TIMEOUT)
    assert list(prefetched) == [2]


def test_an_exception_is_raised_after_the_items_before_it(threads: DaemonThreads) -> None:
    def items() -> Iterator[int]:
        yield 1
        raise ValueError("no more")

    prefetched = prefetch(items(), threads)
    assert next(prefetched) == 1
    with pytest.raises(ValueError, match="no more"):
        next(prefetched)


@pytest.mark.parametrize("left", [0, 1, 2])
def test_items_are_made_in_place_where_no_thread_can_be_started(
    left: int, threads: DaemonThreads, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = threading.Thread.start
    started: list[threading.Thread] = []

    def start_some(thread: threading.Thread) -> None:
        if len(started) == left:
            raise RuntimeError("can't start new thread")
        started.append(thread)
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", start_some)
    assert list(prefetch(iter(range(5)), threads)) == list(range(5))
