"""The completions of the shells are those of the table of commands, and the table says what the parsers take."""

from __future__ import annotations

import inspect
import os
import shutil
import subprocess
import tomllib
from argparse import Action
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import NoReturn

import pytest

from harness.completion import FILES, FOLDER, PLAIN, options
from ldirectord_py.cli.invocation.arguments import Invocation
from ldirectord_py.cli.invocation.commands import COMMANDS
from ldirectord_py.cli.invocation.options import OptionParser

ROOT = Path(__file__).parents[2]
SHELLS = {"ldirectord": "bash", "_ldirectord": "zsh", "ldirectord.fish": "fish"}


@pytest.mark.parametrize("name", list(FILES))
def test_the_files_are_made_of_the_table(name: str) -> None:
    assert (FOLDER / name).read_text() == FILES[name](), "run make man"


@pytest.mark.parametrize("name", list(FILES))
def test_their_shells_read_them(name: str) -> None:
    shell = shutil.which(SHELLS[name])
    if shell is None:
        pytest.skip(f"{SHELLS[name]} is not installed")
    subprocess.run([shell, "-n", str(FOLDER / name)], check=True)


def test_they_are_installed() -> None:
    files = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["data-files"]
    installed = {path for paths in files.values() for path in paths}
    assert {f"etc/completion/{name}" for name in FILES} <= installed


def test_what_an_option_takes() -> None:
    text = "NAME [--json] [--assume up|down] [--from OLDFILE] [--real ADDR[:PORT]] [--wait SECONDS]"
    assert options(text) == {
        "--json": "",
        "--assume": "up|down",
        "--from": "FILE",
        "--real": "VALUE",
        "--wait": "VALUE",
    }


class CapturedParser(Exception):  # noqa: N818  not an error
    def __init__(self, parser: OptionParser) -> None:
        self.parser = parser


def module(name: str) -> ModuleType:
    return import_module(f"ldirectord_py.cli.{COMMANDS[name].module}")


@pytest.mark.parametrize("name", [name for name in COMMANDS if "OptionParser(" in inspect.getsource(module(name))])
def test_the_table_names_the_options_of_each_parser(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def parse_args(self: OptionParser, *_: object) -> NoReturn:
        raise CapturedParser(self)

    monkeypatch.setattr(OptionParser, "parse_args", parse_args)
    monkeypatch.setenv("LDIRECTORD_RUNDIR", str(tmp_path))
    file = tmp_path / "web.cf"
    file.write_text("virtual = 192.0.2.1:80\n    checktype = on\n    real = 192.0.2.2 gate\n")
    with pytest.raises(CapturedParser) as captured:
        module(name).run(Invocation(name, str(file), file.name))
    taken = {option: takes(action) for action in captured.value.parser._actions for option in action.option_strings}
    named = {option: set(value.replace("FILE", "VALUE").split("|")) for option, value in options_of(name).items()}
    assert taken == named


def options_of(name: str) -> Mapping[str, str]:
    return options(COMMANDS[name].options)


def takes(action: Action) -> set[str]:
    """Return the choices of an option, VALUE for any, or "" for none."""
    if action.choices:
        return set(action.choices)
    return {"" if action.nargs == 0 else "VALUE"}


COMPLETE = """
source "$1"
shift
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
_ldirectord
printf '%s\\n' "${COMPREPLY[@]}"
"""


def completed(*words: str, folder: Path) -> Sequence[str]:
    """Return what bash proposes for the last of the words."""
    argv = ["bash", "-c", COMPLETE, "bash", str(FOLDER / "ldirectord"), "ldirectord", *words]
    done = subprocess.run(argv, check=True, capture_output=True, text=True, cwd=folder)
    return done.stdout.split()


def test_bash_completes(tmp_path: Path) -> None:
    (tmp_path / "web.cf").touch()
    assert completed("re", folder=tmp_path) == ["restart", "reload"]
    assert completed("we", folder=tmp_path) == ["web.cf"]
    assert completed("--ver", folder=tmp_path) == ["--version"]
    assert completed("web.cf", "doc", folder=tmp_path) == ["doctor"]
    assert completed("web.cf", "doctor", "", folder=tmp_path) == ["--json"]
    assert completed("-d", "web.cf", "plan", "--assume", "c", folder=tmp_path) == ["current"]
    assert completed("plan", "--from", "w", folder=tmp_path) == ["web.cf"]
    assert completed("probe", "--real", "", folder=tmp_path) == []
    assert completed("start", "", folder=tmp_path) == []


ZSH = """
compadd() { print -l -- $@ }
_describe() { print -l -- ${(P)2} }
_files() { print files }
_message() { print $1 }
file=$1
shift
words=("$@") CURRENT=$# PREFIX=$words[-1]
source $file
"""


@pytest.mark.skipif(shutil.which("zsh") is None, reason="zsh is not installed")
@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["web.cf", "doctor", ""], ["--", "--json"]),
        (["web.cf", "plan", "--assume", ""], ["--", "up", "down", "current"]),
        (["plan", "--from", ""], ["files"]),
        (["probe", "--real", ""], ["value"]),
        (["-"], ["--", *PLAIN]),
        (["start", ""], []),
    ],
)
def test_zsh_completes(words: list[str], expected: list[str]) -> None:
    argv = ["zsh", "-f", "-c", ZSH, "zsh", str(FOLDER / "_ldirectord"), "ldirectord", *words]
    done = subprocess.run(argv, check=True, capture_output=True, text=True)
    assert (done.stdout.split(), done.stderr) == (expected, "")


@pytest.mark.skipif(shutil.which("fish") is None, reason="fish is not installed")
@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("ldirectord web.cf doctor --", {"--json"}),
        ("ldirectord web.cf plan --assume ", {"up", "down", "current"}),
        ("ldirectord web.cf start ", set()),
        ("ldirectord rest", {"restart"}),
    ],
)
def test_fish_completes(line: str, expected: set[str], tmp_path: Path) -> None:
    script = f"source {FOLDER}/ldirectord.fish; complete -C '{line}'"
    environment = {"HOME": str(tmp_path), "PATH": os.environ["PATH"]}
    done = subprocess.run(
        ["fish", "--no-config", "-c", script], check=True, capture_output=True, text=True, cwd=tmp_path, env=environment
    )
    assert ({row.split()[0] for row in done.stdout.splitlines()}, done.stderr) == (expected, "")
