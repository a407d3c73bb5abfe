"""The queue that a thread writes out: order, bound, end, and a host that cannot start a thread."""

import threading
from collections.abc import Sequence

import pytest

from ldirectord_py.runtime import thread_writer
from ldirectord_py.runtime.thread_writer import ThreadWriter


class Sink:
    """Collects what is written; ``blocked``: not before ``go_on`` is set."""

    def __init__(self, *, blocked: bool = False) -> None:
        self.items: list[int] = []
        self.dropped: list[int] = []
        self.entered, self.go_on, self.ended = threading.Event(), threading.Event(), threading.Event()
        if not blocked:
            self.go_on.set()
        self.writer = ThreadWriter[int]("test", self.write, self.ended.set)

    def write(self, items: Sequence[int], dropped: int) -> None:
        self.entered.set()
        assert self.go_on.wait(30)
        self.items += items
        self.dropped.append(dropped)


def refuse(_: threading.Thread) -> None:
    raise RuntimeError("can't start new thread")


def test_items_are_written_in_their_order_before_the_writer_closes() -> None:
    sink = Sink()
    for number in range(2000):
        sink.writer.put(number)
    assert sink.writer.close(30) == ()
    assert (sink.items, sum(sink.dropped)) == (list(range(2000)), 0)
    assert sink.ended.is_set()


def test_no_thread_runs_before_the_first_item() -> None:
    before = threading.active_count()
    writer = Sink().writer
    assert threading.active_count() == before
    writer.close(30)


def test_items_beyond_the_bound_are_dropped_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(thread_writer, "MAX_QUEUED", 3)
    sink = Sink(blocked=True)
    sink.writer.put(0)
    assert sink.entered.wait(30)
    for number in range(1, 10):
        sink.writer.put(number)
    sink.go_on.set()
    sink.writer.join()
    assert (sink.items, sink.dropped) == ([0, 1, 2, 3], [0, 6])
    assert sink.writer.lost == 6
    sink.writer.close(30)


def test_a_close_returns_after_its_timeout_while_a_write_hangs() -> None:
    sink = Sink(blocked=True)
    sink.writer.put(1)
    assert sink.entered.wait(30)
    assert sink.writer.close(0.01) == ()
    assert sink.items == []
    sink.go_on.set()


def test_items_wait_for_a_thread_until_one_can_be_started(monkeypatch: pytest.MonkeyPatch) -> None:
    sink = Sink()
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        with pytest.raises(RuntimeError, match="can't start new thread"):
            sink.writer.put(1)
    sink.writer.put(2)
    sink.writer.close(30)
    assert sink.items == [1, 2]


def test_a_close_without_a_thread_returns_the_items_once(monkeypatch: pytest.MonkeyPatch) -> None:
    sink = Sink()
    monkeypatch.setattr(threading.Thread, "start", refuse)
    for number in (1, 2):
        with pytest.raises(RuntimeError):
            sink.writer.put(number)
    assert sink.writer.close(30) == [1, 2]
    assert sink.writer.close(30) == ()


def test_items_that_are_not_written_before_the_writer_closes_count_as_lost() -> None:
    sink = Sink(blocked=True)
    sink.writer.put(0)
    assert sink.entered.wait(30)
    for number in range(1, 10):
        sink.writer.put(number)
    sink.writer.close(0.01)
    assert sink.writer.lost == 10
    sink.go_on.set()
    assert sink.ended.wait(30)


def test_a_writer_that_writes_all_before_it_closes_has_lost_nothing() -> None:
    sink = Sink()
    sink.writer.put(0)
    sink.writer.close(30)
    assert (sink.items, sink.writer.lost) == ([0], 0)
