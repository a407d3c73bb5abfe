"""Files of ours, good and bad, each with what it means and every message, to the letter."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from ldirectord_py.checks.base import Kind
from ldirectord_py.config.addresses import Names
from ldirectord_py.config.dump import to_dict
from ldirectord_py.config.files import Files
from ldirectord_py.config.include import Texts
from ldirectord_py.config.lines import Text
from ldirectord_py.config.model import Config, Globals, Real, Virtual
from ldirectord_py.config.parse import parse, parse_files
from ldirectord_py.errors import ConfigError

CASES = Path(__file__).parent / "cases"
GOOD = sorted((CASES / "good").glob("*.cf"))
BAD = sorted((CASES / "bad").glob("*.cf"))


def said(file: Path) -> str:
    """Return the messages that a case expects, or none."""
    messages = file.with_suffix(".txt")
    return messages.read_text() if messages.exists() else ""


def texts(file: Path) -> Texts:
    """Return a case, and where the files are that it includes."""
    return Texts(Text(file.name, file.read_bytes().decode()), Files())


def meaning(config: Config) -> dict[str, Any]:
    """Return what a configuration sets other than the defaults; keys and servers always."""
    virtuals = []
    for virtual in config.virtuals:
        unset = to_dict(Config(Globals(), (Virtual(virtual.key),)))["virtuals"][0]
        got = to_dict(Config(Globals(), (virtual,)), show_secrets=True)["virtuals"][0]
        own = {key: value for key, value in got.items() if value != unset[key]}
        virtuals.append({"id": virtual.id, **own, "reals": [line(real) for real in virtual.reals]})
    defaults = to_dict(Config())["globals"]
    settings = {key: value for key, value in to_dict(config)["globals"].items() if value != defaults[key]}
    return {"globals": settings, "virtuals": virtuals}


def line(real: Real) -> str:
    """Return a real server in short."""
    name = f" ({real.name})" if real.name else ""
    bounds = f" l:{real.lower} u:{real.upper}" if real.lower or real.upper else ""
    strings = f" {real.request!r} {real.receive!r}"
    return f"{real}{name} {real.forward} {real.weight}{strings}{bounds}"


@pytest.mark.parametrize("file", GOOD, ids=lambda file: file.stem)
def test_a_good_file_means_what_is_expected_with_exactly_these_warnings(
    file: Path, names: Names, kinds: Mapping[str, Kind], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(file.parent)
    parsed = parse_files(texts(file), names, kinds)
    assert said(file) == "".join(f"{warning}\n" for warning in parsed.warnings)
    assert json.loads(file.with_suffix(".json").read_text()) == meaning(parsed.config)


@pytest.mark.parametrize("file", BAD, ids=lambda file: file.stem)
def test_a_bad_file_is_refused_with_exactly_these_problems(
    file: Path, names: Names, kinds: Mapping[str, Kind], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(file.parent)
    with pytest.raises(ConfigError) as caught:
        parse_files(texts(file), names, kinds)
    assert said(file) == "".join(f"{problem}\n" for problem in caught.value.problems)


def test_the_rest_of_a_file_does_not_depend_on_the_line_ends(names: Names, kinds: Mapping[str, Kind]) -> None:
    text = (CASES / "good" / "real-forms.cf").read_text()
    unix = parse(text, "unix.cf", names, kinds)
    dos = parse(text.replace("\n", "\r\n"), "dos.cf", names, kinds)
    assert unix.config == dos.config


def test_there_are_cases() -> None:
    assert len(GOOD) >= 20
    assert len(BAD) >= 25
