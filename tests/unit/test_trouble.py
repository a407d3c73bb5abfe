"""The words for trouble, and their order: in the code, on the page of the socket, in answers."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ldirectord_py.trouble import WORST_FIRST, is_bad, severity, worst_first

PAGE = (Path(__file__).parents[2] / "docs/control.md").read_text()
OF_VIRTUALS = {"outage", "panic"}
OF_THE_PAGE = {"certificate"}


def test_docs_have_the_words_in_this_order() -> None:
    row = PAGE.partition("what hurts most first: ")[2].partition("\n")[0]
    assert re.findall("`([a-z-]+)`", row) == [word for word in WORST_FIRST if word not in OF_VIRTUALS | OF_THE_PAGE]


@pytest.mark.parametrize(
    ("words", "worst"),
    [((), []), (("drain", "down"), ["down", "drain"]), ({"overdue", "disagrees"}, ["disagrees", "overdue"])],
)
def test_the_worst_is_first(words: tuple[str, ...], worst: list[str]) -> None:
    assert worst_first(words) == worst
    assert severity(words) == (WORST_FIRST.index(worst[0]) if worst else len(WORST_FIRST))


def test_trouble_is_bad_if_one_of_its_words_is() -> None:
    assert is_bad(["drain", "disagrees"])
    assert not is_bad(["drain", "overdue"])
    assert not is_bad(())
