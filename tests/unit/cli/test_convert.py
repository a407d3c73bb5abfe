"""``convert``: the other form on standard output, or nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from ldirectord_py.cli import convert, main
from ldirectord_py.config.load import load

CF = """\
# the shop
virtual=192.0.2.1:80
    real=10.0.0.1:80 gate
    include_me
"""
GOOD = CF.replace("    include_me\n", "    service=http\ninclude=more.cf\n")
YAML = """\
virtuals:
  # the shop
  - virtual: 192.0.2.1:80
    reals:
      - {real: 10.0.0.1:80, forward: gate}
    service: http
  - include: more.cf
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "web.cf"
    path.write_text(GOOD)
    (tmp_path / "more.cf").write_text("virtual=7\n    real=10.0.0.1 gate\n    checktype=on\n")
    return path


def converted(path: Path, capsys: pytest.CaptureFixture[str], *options: str) -> str:
    assert main([str(path), "convert", *options]) == 0
    return capsys.readouterr().out


def test_each_form_to_the_other(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert converted(config, capsys) == YAML
    other = config.with_suffix(".yaml")
    other.write_text(YAML)
    assert converted(other, capsys) == GOOD
    assert load(other).config == load(config).config


@pytest.mark.parametrize(("form", "expected"), [("yaml", YAML), ("cf", GOOD)])
def test_the_form_may_be_named(form: str, expected: str, config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = config.with_suffix(".yml")
    other.write_text(YAML)
    for path in (config, other):
        assert converted(path, capsys, "--to", form) == expected


def test_a_bad_file_is_2(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config.write_text(CF)
    assert main([str(config), "convert"]) == 2
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("wrong", ["fork: yes\n", "fork: maybe\n"])
def test_a_text_that_means_something_else_is_not_printed(
    wrong: str, config: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(convert, "write", lambda document, form: wrong)
    assert main([str(config), "convert"]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"{config} would mean something else" if "yes" in wrong else f"{config} cannot be converted")


def test_an_unknown_form_is_a_usage_error(config: Path) -> None:
    assert main([str(config), "convert", "--to", "json"]) == 255
