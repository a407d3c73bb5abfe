"""collector: off in the outermost block and all within, on after it, and left alone where it is off."""

from __future__ import annotations

import gc

import pytest

from ldirectord_py.collector import held_off


def test_blocks_may_overlap() -> None:
    first, second = held_off(), held_off()
    seen = [gc.isenabled()]
    for step in (first.__enter__, second.__enter__):
        step()
        seen.append(gc.isenabled())
    for block in (first, second):
        block.__exit__(None, None, None)
        seen.append(gc.isenabled())
    assert seen == [True, False, False, False, True]


def test_an_error_ends_it() -> None:
    with pytest.raises(ValueError, match="x"), held_off():
        raise ValueError("x")
    assert gc.isenabled()


def test_a_collector_that_is_off_stays_off() -> None:
    gc.disable()
    try:
        with held_off():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
