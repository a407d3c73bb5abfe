"""collector: off in the outermost block and all within, on after it, and left alone where it is off."""

from __future__ import annotations

import gc
import weakref

import pytest

from ldirectord_py.runtime import garbage
from ldirectord_py.runtime.garbage import freeze_survivors, gc_paused


def test_blocks_may_overlap() -> None:
    first, second = gc_paused(), gc_paused()
    seen = [gc.isenabled()]
    for step in (first.__enter__, second.__enter__):
        step()
        seen.append(gc.isenabled())
    for block in (first, second):
        block.__exit__(None, None, None)
        seen.append(gc.isenabled())
    assert seen == [True, False, False, False, True]


def test_an_error_ends_it() -> None:
    with pytest.raises(ValueError, match="x"), gc_paused():
        raise ValueError("x")
    assert gc.isenabled()


def test_a_collector_that_is_off_stays_off() -> None:
    gc.disable()
    try:
        with gc_paused():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()


class Cycle:
    """Garbage that only the collector finds."""

    def __init__(self, size: int) -> None:
        self.lists = [[self] for _ in range(size)]


@pytest.mark.slow
def test_garbage_that_was_passed_over_goes_when_much_has_gathered() -> None:
    """It is a cycle that is alive when it is passed over, as a probe is that a reload cancels."""
    seen: list[weakref.ref[Cycle]] = []
    freeze_survivors()
    try:
        for _ in range(2 * garbage.REVIEW_INTERVAL):
            cycle = Cycle(gc.get_freeze_count() // garbage.REVIEW_INTERVAL)
            seen.append(weakref.ref(cycle))
            freeze_survivors()
            del cycle
        assert seen[0]() is None
    finally:
        gc.unfreeze()
        gc.collect()
    assert [ref() for ref in seen] == [None] * len(seen)
