"""docs/checks.md has a section for each kind of check, and its examples mean what they say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ldirectord_py.checks.registry import CHECKTYPES
from ldirectord_py.checks.services import KINDS
from ldirectord_py.config.addresses import Names
from ldirectord_py.config.parse import parse

PAGE = (Path(__file__).parents[2] / "docs" / "checks.md").read_text()
SECTIONS = {part.split("\n", 1)[0]: part for part in re.split("^## ", PAGE, flags=re.MULTILINE)[1:]}
OTHERS = {"maintenance", "number", "off", "on"}
AROUND = ["Common to all checks", "Certificates", "Kinds of your own"]
EXAMPLES = [
    pytest.param(name, example, id=name)
    for name, section in SECTIONS.items()
    for example in re.findall("^```\n((?:.*\n)*?)```$", section, flags=re.MULTILINE)
    if "virtual=" in example
]


def test_every_kind_has_its_section_in_alphabetical_order() -> None:
    kinds = [name for name in SECTIONS if name not in AROUND]
    assert sorted({*KINDS, *CHECKTYPES, *OTHERS}) == kinds
    assert [name for name in SECTIONS if name in AROUND] == AROUND


@pytest.mark.parametrize(("name", "example"), EXAMPLES)
def test_an_example_is_of_its_kind_and_has_nothing_to_warn_of(name: str, example: str) -> None:
    parsed = parse(example, name, Names(hostname="director"), KINDS)
    assert [each.what for each in parsed.warnings if not each.what.startswith("checkcount holds for ping only")] == []
    for virtual in parsed.config.virtuals:
        used = {virtual.service, virtual.checktype.value, "number" if virtual.connects else ""}
        assert name in {*used, "Certificates"}
