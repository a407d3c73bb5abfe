"""docs/control.md describes each request of the control socket, with its right, its arguments and its fields."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ldirectord_py.control.protocol import Code
from ldirectord_py.control.rights import Right
from ldirectord_py.daemon.control.requests import REQUESTS

PAGE = (Path(__file__).parents[2] / "docs/control.md").read_text()
PARTS = [part.split("\n", 1) for part in re.split(r"^### ", PAGE, flags=re.MULTILINE)[1:]]
SECTIONS = {name: text for names, text in PARTS for name in names.split(", ")}
RIGHTS = {Right.LOOK: "Look.", Right.STEER: "Steer."}


def test_every_request_has_its_section() -> None:
    assert list(REQUESTS) == list(SECTIONS)


@pytest.mark.parametrize("name", REQUESTS)
def test_a_section_names_the_right_and_the_arguments(name: str) -> None:
    assert SECTIONS[name].strip().startswith(RIGHTS[REQUESTS[name].right])
    table = SECTIONS[name].partition("| argument | |\n|---|---|\n")[2].partition("\n\n")[0]
    assert sorted(re.findall(r"^\| `(\w+)`", table, flags=re.MULTILINE)) == sorted(REQUESTS[name].arguments)


def test_every_code_of_an_error_is_described() -> None:
    table = PAGE.partition("| `code` | |\n")[2].partition("\n\n")[0]
    codes = {value for name, value in vars(Code).items() if name.isupper()}
    assert set(re.findall(r"^\| `(\w+)`", table, flags=re.MULTILINE)) == codes
