"""Lines of limited length from pieces of any size."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ldirectord_py.checks.transport.line_buffer import LineBuffer
from ldirectord_py.errors import CheckFailed

LIMIT = 1024


def lines(buffer: LineBuffer) -> list[bytes]:
    return list(iter(buffer.next_line, None))


@given(st.lists(st.sampled_from([b"a", b"\r", b"\n", b"bc\n", b"\n\n", b""])))
def test_lines_do_not_depend_on_the_pieces(pieces: list[bytes]) -> None:
    whole, split = LineBuffer(LIMIT), LineBuffer(LIMIT)
    whole.feed(b"".join(pieces))
    got: list[bytes] = []
    for piece in pieces:
        split.feed(piece)
        got += lines(split)
    assert got == lines(whole)
    rest = split.rest()
    assert b"\n" not in rest
    assert b"".join(got) + rest == b"".join(pieces)
    assert split.rest() == b""


@pytest.mark.parametrize("end", [b"", b"\n", b"\nmore\n"])
def test_a_line_has_a_limit_with_its_end(end: bytes) -> None:
    buffer = LineBuffer(LIMIT)
    buffer.feed(b"x" * (LIMIT - 1) + b"\n")
    assert len(buffer.next_line() or b"") == LIMIT
    buffer.feed(b"x" * (LIMIT + 1 - len(end[:1])) + end)
    with pytest.raises(CheckFailed, match="a line longer than 1 kB"):
        buffer.next_line()
