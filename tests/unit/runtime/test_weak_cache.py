from __future__ import annotations

import pytest

from ldirectord_py.runtime.weak_cache import WeakCache


class Made:
    def __init__(self, key: int) -> None:
        self.key = key


def test_what_is_held_is_made_once_however_many_there_are() -> None:
    cache = WeakCache(Made, recent=2)
    held = [cache(key) for key in range(10_000)]
    assert [cache(key) for key in range(10_000)] == held
    assert [made.key for made in held] == list(range(10_000))


def test_what_nobody_holds_is_gone_but_for_the_last() -> None:
    cache = WeakCache(Made, recent=2)
    held = [cache(key) for key in range(10)]
    assert len(cache._live) == 10
    del held
    assert len(cache._live) == 2
    assert cache(9) is cache(9)


def test_what_cannot_be_made_is_tried_again() -> None:
    def make(key: int) -> Made:
        return Made(1 // key)

    cache = WeakCache(make, recent=2)
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            cache(0)
    assert len(cache._live) == 0
