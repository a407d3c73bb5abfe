"""Whatever text is in it, JSON is one line of valid UTF-8."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ldirectord_py.runtime.json_lines import encode_integers, encode_json
from ldirectord_py.runtime.text import escape_surrogates


@given(st.text(st.characters()))
def test_every_text_is_one_line_and_read_as_it_was(text: str) -> None:
    line = encode_json({"text": text})
    assert len(line.splitlines()) == 1
    assert json.loads(line.encode()) == {"text": escape_surrogates(text)}


@given(st.lists(st.integers()))
def test_integers_are_encoded_as_everything_else(values: list[int]) -> None:
    assert encode_integers(values) == encode_json(values)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Zürich", '"Zürich"'),
        ("a\nb", r'"a\nb"'),
        ("a\u2028b\x85", r'"a\u2028b\u0085"'),
        ("byte \udce4", r'"byte \\xe4"'),
        ("no byte \ud800", r'"no byte \\ud800"'),
        ("delete \x7f", r'"delete \u007f"'),
    ],
)
def test_what_is_escaped(text: str, expected: str) -> None:
    assert encode_json(text) == expected
