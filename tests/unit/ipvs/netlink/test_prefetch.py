"""Items are made one ahead, in order; what goes wrong in the making is told, and no thread is left behind."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from ldirectord_py.ipvs.netlink.prefetch import prefetch


def test_in_order() -> None:
    assert list(range(100)) == list(prefetch(iter(range(100))))
    assert list(prefetch(iter(()))) == []


def test_the_next_is_made_while_one_is_in_use() -> None:
    made = [threading.Event() for _ in range(3)]

    def items() -> Iterator[int]:
        for number, event in enumerate(made):
            event.set()
            yield number

    for number in prefetch(items()):
        assert made[min(number + 1, 2)].wait(10)


def test_a_fault_comes_after_what_was_made_before_it() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise ValueError("no second one")

    coming = prefetch(items())
    assert next(coming) == 1
    with pytest.raises(ValueError, match="no second one"):
        next(coming)


def test_no_thread_is_left_when_one_stops_early() -> None:
    for item in prefetch(iter(range(100))):
        assert item == 0
        break
    assert [thread.name for thread in threading.enumerate() if thread.name.startswith("ahead")] == []


def test_without_a_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(ThreadPoolExecutor, "submit", refuse)
    assert list(prefetch(iter((1, 2, 3)))) == [1, 2, 3]
