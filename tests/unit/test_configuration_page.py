"""docs/configuration.md says of every directive what the table and the model say, and its examples are valid."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from decimal import Decimal
from enum import StrEnum
from pathlib import Path

import pytest

from ldirectord_py.checks.services import KINDS
from ldirectord_py.config.addresses import Names
from ldirectord_py.config.directives import DIRECTIVES, REMOVED, Scope
from ldirectord_py.config.model import AlertStatus, Globals, Virtual
from ldirectord_py.config.parse import Parsed, parse
from ldirectord_py.errors import ConfigError

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "configuration.md").read_text()
HEAD = "virtual=192.0.2.10:4242\n"
NEW = {
    "controlgroup",
    "downinterval",
    "drainremoved",
    "expire",
    "fastinterval",
    "flapthreshold",
    "flapwindow",
    "statusgroup",
    "emailalertgroup",
    "expectstatus",
    "followredirects",
    "include",
    "listen",
    "listenuser",
    "logformat",
    "maxchecks",
    "maxexternal",
    "notify",
    "notifysecretfile",
    "notifyurl",
    "panic",
    "pe",
    "reconcile",
    "resolveinterval",
    "slowstart",
    "starttls",
    "successcount",
    "tlsca",
    "tlsname",
    "tlsverify",
    "workers",
}
WITHOUT_FIELD = {"protocol": "tcp"}  # a part of the virtual's key
MEANT = ("checkcount holds for ping only", "load has no effect", "ops holds for udp only")
SCOPES = {Scope.GLOBAL: "daemon", Scope.VIRTUAL: "virtual", Scope.BOTH: "daemon or virtual"}
BOUNDS = re.compile(r"(?:SECONDS|NUMBER|PORT), ([0-9.]+) (?:or more|to ([0-9]+))")


@dataclass(frozen=True, slots=True)
class Section:
    """A directive as the page has it."""

    name: str
    scope: str
    value: str
    default: str
    origin: str
    text: str

    @property
    def example(self) -> str:
        (found,) = re.findall("^```\n((?:.*\n)*?)```$", self.text, flags=re.MULTILINE)
        return str(found)


def section(text: str) -> Section:
    lines = text.split("\n")
    assert lines[1:4] == ["", "| scope | value | default | from |", "|---|---|---|---|"], lines[0]
    scope, value, default, origin = re.split(r" *(?<!\\)\| *", lines[4].strip("| "))
    return Section(lines[0], scope, value, default, origin, text)


PARTS = re.split(r"^(?:##|###) ", PAGE, flags=re.MULTILINE)[1:]
SECTIONS = [section(part) for part in PARTS if "| scope |" in part]


def read(example: str) -> Parsed:
    """Return what an example means, one of indented lines below a virtual; ConfigError escapes."""
    text = HEAD + example if example.startswith(" ") else example
    return parse(text, "example", Names(hostname="director"), KINDS)


def warnings(example: str) -> list[str]:
    return [warning.what for warning in read(example).warnings if not warning.what.startswith(MEANT)]


def line(name: str, value: str) -> str:
    indent = "    " if DIRECTIVES[name].scope is Scope.VIRTUAL else ""
    return f"{indent}{name}={value}\n"


def is_taken(name: str, value: str) -> bool:
    try:
        return warnings(line(name, value)) == []
    except ConfigError:
        return False


def written(value: object) -> str:
    """Return a default as ldirectord.cf has it, and nothing for none."""
    if value == tuple(AlertStatus):
        return "all"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value.value if isinstance(value, StrEnum) else value) if value not in (None, "", ()) else ""


def defaults(name: str) -> set[str]:
    """Return the defaults of the fields of that name."""
    virtual = read(HEAD).config.virtuals[0]
    owners = [each for each in (Globals(), virtual) if name in {field.name for field in fields(each)}]
    return {written(getattr(owner, name)) for owner in owners} or {WITHOUT_FIELD.get(name, "")}


each_section = pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.name)


def test_every_directive_has_its_section_and_every_section_its_directive() -> None:
    assert sorted(DIRECTIVES) == sorted(section.name for section in SECTIONS)


def test_the_list_of_all_is_complete_and_in_order() -> None:
    (listed,) = [part for part in PARTS if part.startswith("All of them")]
    assert [(name, name) for name in sorted(DIRECTIVES)] == re.findall(r"\[(\w+)\]\(#(\w+)\)", listed)


def test_what_is_new_is_told_from_what_is_the_originals() -> None:
    assert {"new": NEW, "original": DIRECTIVES.keys() - NEW} == {
        origin: {section.name for section in SECTIONS if section.origin == origin}
        for origin in {section.origin for section in SECTIONS}
    }


def test_the_page_on_differences_lists_what_is_new() -> None:
    table = (DOCS / "differences.md").read_text().partition("### New\n")[2]
    assert NEW <= set(re.findall(r"^\| `(\w+) = ", table, flags=re.MULTILINE)) <= DIRECTIVES.keys()


def test_words_of_the_past_are_named() -> None:
    (past,) = [part for part in PARTS if part.startswith("Removed directives")]
    assert REMOVED.keys() <= set(re.findall(r"`(\w+)`", past))


def test_scopes_are_those_of_the_table() -> None:
    scopes = {name: SCOPES[directive.scope] for name, directive in DIRECTIVES.items()}
    assert {section.name: section.scope for section in SECTIONS} == scopes


def test_defaults_are_those_of_the_model() -> None:
    shown = {section.name: re.match("`([^`]+)`", section.default) for section in SECTIONS}
    wanted = {name: {default[1] if default else ""} for name, default in shown.items()}
    assert {section.name: defaults(section.name) for section in SECTIONS} == wanted


@each_section
def test_its_bounds_and_words_are_those_of_its_reader(section: Section) -> None:
    name, value = section.name, section.value
    if bounds := BOUNDS.match(value):
        low, high = Decimal(bounds[1]), Decimal(bounds[2] or 2**31 - 1)
        below = low - Decimal("0.01" if "." in bounds[1] else 1)
        assert [is_taken(name, str(n)) for n in (below, low, high, high + 1)] == [False, True, True, False]
        assert is_taken(name, "0") == (low == 0 or value.endswith(", or 0"))
    elif value == "yes or no":
        assert [is_taken(name, word) for word in ("yes", "no", "maybe")] == [True, True, False]
    elif name in {"scheduler", "checktype", "service", "emailalertstatus", "httpmethod"}:
        words = re.findall("`([^`]+)`", value) or value.split(" or ")
        assert [word for word in words if not _is_known(name, word)] == []


def _is_known(name: str, word: str) -> bool:
    try:
        return not any(word in warning for warning in warnings(line(name, word)) if "without" not in warning)
    except ConfigError as error:
        return not any(f'cannot be "{word}"' in problem.what for problem in error.problems)


def test_every_word_of_service_is_there() -> None:
    (service,) = [section for section in SECTIONS if section.name == "service"]
    assert sorted(KINDS) == re.findall("`([^`]+)`", service.value)


@each_section
def test_its_example_shows_it_and_has_nothing_to_warn_of(section: Section) -> None:
    assert re.search(rf"^ *{section.name}=", section.example, flags=re.MULTILINE)
    assert warnings(section.example) == []


def test_the_example_of_a_whole_file_is_valid() -> None:
    (example,) = re.findall("^```\n((?:.*\n)*?)```$", PARTS[0], flags=re.MULTILINE)
    virtual: Virtual = read(example).config.virtuals[0]
    assert (warnings(example), len(virtual.reals), virtual.checkinterval) == ([], 2, 2)
