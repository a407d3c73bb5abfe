"""The example that is installed says the truth and leaves nothing out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from ldirectord_py.checks.base import Kind
from ldirectord_py.config.addresses import Names
from ldirectord_py.config.directives import DIRECTIVES
from ldirectord_py.config.model import Config, Globals
from ldirectord_py.config.parse import parse

EXAMPLE = Path(__file__).parents[3] / "etc" / "ldirectord.cf"
WITHOUT_EFFECT = {"load"}
TWICE = "logfile is already set in line"


def examples() -> str:
    """Return the file with its examples in force: lines of a sign and a directive."""
    return re.sub(r"^#(?=[a-z]|    )", "", EXAMPLE.read_text(), flags=re.MULTILINE)


def test_as_installed_it_sets_nothing(names: Names, kinds: Mapping[str, Kind]) -> None:
    parsed = parse(EXAMPLE.read_text(), "ldirectord.cf", names, kinds)
    assert (parsed.config, parsed.warnings) == (Config(), ())


def test_its_examples_are_valid_and_its_values_the_defaults(names: Names, kinds: Mapping[str, Kind]) -> None:
    parsed = parse(examples(), "ldirectord.cf", names, kinds)
    said = [warning.what for warning in parsed.warnings if TWICE not in warning.what]
    assert said == ["checkcount holds for ping only and is deprecated"]
    assert len(parsed.config.virtuals) == 9
    settings, defaults = parsed.config.settings, Globals()
    shown = ("checkinterval", "failurecount", "successcount", "maxexternal", "quiescent", "cleanstop", "reconcile")
    for name in (*shown, "emailalertstatus", "fork", "resolveinterval"):
        assert getattr(settings, name) == getattr(defaults, name)


def test_every_directive_is_in_it() -> None:
    shown = set(re.findall(r"^#?\s*(\w+)\s*=", EXAMPLE.read_text(), flags=re.MULTILINE))
    assert shown == DIRECTIVES.keys() - WITHOUT_EFFECT
