"""The stand-ins of compiled libraries in the single file behave as checks need it."""

from __future__ import annotations

import re
import threading
import time

import pytest

from ldirectord_py.errors import Inconclusive
from packages.pyz import regex
from packages.pyz.uvloop import new_event_loop

EVIL = rb"(a|aa)+$"


def test_a_pattern_is_searched_from_a_position() -> None:
    pattern = regex.compile(rb"o(.)", flags=regex.VERSION0, cache_pattern=False)
    assert pattern.pattern == rb"o(.)"
    match = pattern.search(bytearray(b"food foal"), 3, timeout=0.005)
    assert match is not None
    assert match.span() == (6, 8)


def test_an_error_is_an_error() -> None:
    with pytest.raises(regex.error, match="unterminated subpattern"):
        regex.compile(rb"(")


@pytest.mark.parametrize("pattern", [rb"\p{Lu}", rb"(?|a|b)", rb"a(?i)b", rb"\Qa.b\E"])
def test_what_re_does_not_know_is_accepted_and_never_searched_for(pattern: bytes) -> None:
    with pytest.raises(Inconclusive, match="install ldirectord-py"):
        regex.compile(pattern).search(b"A")


@pytest.mark.slow
def test_a_slow_search_ends() -> None:
    began = time.monotonic()
    with pytest.raises(TimeoutError):
        regex.compile(EVIL).search(b"a" * 60 + b"b", timeout=0.005)
    assert time.monotonic() - began < 10


def test_in_a_thread_nothing_is_searched_for_again() -> None:
    raised: list[BaseException] = []

    def search() -> None:
        try:
            regex.compile(EVIL).search(b"a", timeout=1.0, concurrent=True)
        except TimeoutError as error:
            raised.append(error)

    thread = threading.Thread(target=search)
    thread.start()
    thread.join()
    assert len(raised) == 1


def test_the_error_is_that_of_re() -> None:
    assert regex.error is re.error


def test_the_loop_is_that_of_python() -> None:
    loop = new_event_loop()
    loop.close()
    assert loop.is_closed()
