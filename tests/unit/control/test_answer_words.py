"""What is checked, and what the checks say, in words."""

from __future__ import annotations

import pytest

from ldirectord_py.control.answer_words import check_text, observed_state, up_text


@pytest.mark.parametrize(
    ("checktype", "words"), [("negotiate", "negotiate http"), ("3", "3 http"), ("connect", "connect"), ("on", "on")]
)
def test_a_negotiation_has_its_service(checktype: str, words: str) -> None:
    assert check_text({"checktype": checktype, "service": "http"}) == words


@pytest.mark.parametrize(("up", "word"), [(True, "up"), (False, "down"), (None, "unknown")])
def test_there_is_a_word_before_the_first_result(up: bool | None, word: str) -> None:
    assert observed_state({"up": up}) == word


def test_servers_without_an_address_are_counted() -> None:
    assert up_text({"up": 1, "total": 2, "configured": {"unresolved": 0}}, "/") == "1/2 up"
    assert up_text({"up": 1, "total": 2, "configured": {"unresolved": 1}}, " of ") == (
        "1 of 2 up, 1 name without an address"
    )
