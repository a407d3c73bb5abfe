from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ldirectord_py.checks.protocols import ber


def view(text: str) -> memoryview:
    return memoryview(bytes.fromhex(text))


@pytest.mark.parametrize(
    ("expected", "element"),
    [
        ("02 01 00", ber.integer(0)),
        ("02 01 7f", ber.integer(127)),
        ("02 02 00 80", ber.integer(128)),
        ("0a 01 02", ber.integer(2, ber.ENUMERATED)),
        ("04 00", ber.text("")),
        ("04 03 6a c3 a4", ber.text("jä")),
        ("80 01 ff", ber.text("\udcff", 0x80)),
        ("30 05 02 01 07 04 00", ber.encode(ber.SEQUENCE, ber.integer(7), ber.text(""))),
        ("04 7f" + "61" * 127, ber.text("a" * 127)),
        ("04 81 80" + "61" * 128, ber.text("a" * 128)),
        ("04 82 01 00" + "61" * 256, ber.text("a" * 256)),
    ],
)
def test_elements_are_written_as_short_as_can_be(expected: str, element: bytes) -> None:
    assert bytes.fromhex(expected) == element


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ("", None),
        ("30", None),
        ("30 84 00 00", None),
        ("30 00", (2, 2)),
        ("30 05 02", (2, 7)),
        ("30 84 00 00 00 05", (6, 11)),  # longer than need be, as Active Directory writes it
        ("30 84 ff ff ff ff", (6, 6 + 0xFFFFFFFF)),
    ],
)
def test_the_extent_is_known_before_the_content_is_there(data: str, expected: tuple[int, int] | None) -> None:
    assert expected == ber.extent(view(data))


@pytest.mark.parametrize(
    ("data", "problem"),
    [("30 80", "an indefinite length"), ("30 85", "a length of 5 bytes"), ("30 ff", "of 127 bytes")],
)
def test_lengths_that_ldap_has_not_are_refused(data: str, problem: str) -> None:
    with pytest.raises(ber.Malformed, match=problem):
        ber.extent(view(data))


@pytest.mark.parametrize("data", ["04", "04 02 61", "04 01 61 04", "04 84 ff ff ff ff 61"])
def test_an_element_that_is_cut_short_is_refused(data: str) -> None:
    with pytest.raises(ber.Malformed, match="an element that is cut short"):
        list(ber.elements(view(data)))


def test_the_next_element_has_the_tag_expected() -> None:
    parts = ber.elements(view("02 01 05 04 00"))
    assert ber.decode_integer(ber.expect(parts, ber.INTEGER)) == 5
    with pytest.raises(ber.Malformed, match="tag 0x04 instead of 0x02"):
        ber.expect(parts, ber.INTEGER)
    with pytest.raises(ber.Malformed, match="tag none instead of 0x02"):
        ber.expect(parts, ber.INTEGER)


@pytest.mark.parametrize("data", ["", "00 00 00 00 01"])
def test_a_number_has_one_to_four_bytes(data: str) -> None:
    with pytest.raises(ber.Malformed, match="a number of"):
        ber.decode_integer(view(data))


@given(st.integers(0, 2**31 - 1))
def test_numbers_come_back(value: int) -> None:
    assert value == ber.decode_integer(ber.expect(ber.elements(memoryview(ber.integer(value))), ber.INTEGER))


@given(st.lists(st.tuples(st.integers(0, 255), st.binary(max_size=300)), max_size=5))
def test_elements_come_back(written: list[tuple[int, bytes]]) -> None:
    data = b"".join(ber.encode(tag, content) for tag, content in written)
    assert written == [(tag, bytes(content)) for tag, content in ber.elements(memoryview(data))]
