from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ldirectord_py.runtime.text import ESCAPED, as_bytes, count_of, escape_surrogates

anything = st.text(st.characters() | st.characters(categories=["Cs"]))


@given(st.binary())
def test_bytes_come_back(data: bytes) -> None:
    assert as_bytes(data.decode("utf-8", "surrogateescape")) == data


@given(anything)
def test_whatever_it_is_can_be_encoded_and_printed(text: str) -> None:
    as_bytes(text)
    assert escape_surrogates(text).encode() == text.encode(errors=ESCAPED)
    assert text.encode("ascii", ESCAPED).isascii()


def test_a_byte_is_escaped_as_a_byte() -> None:
    assert escape_surrogates("\udcfc \ud800 ü") == r"\xfc \ud800 ü"
    assert "\udcfc ü\u20ac\U0001f600".encode("ascii", ESCAPED) == rb"\xfc \xfc\u20ac\U0001f600"


def test_bytes_that_cannot_be_decoded_stay_an_error() -> None:
    with pytest.raises(UnicodeDecodeError):
        b"\xff".decode(errors=ESCAPED)


def test_a_count_has_its_noun_in_the_right_number() -> None:
    assert [count_of(number, "row") for number in (0, 1, 2)] == ["0 rows", "1 row", "2 rows"]
