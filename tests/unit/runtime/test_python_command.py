"""A process of ours runs the same program, and detects when the files are those of another."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import ldirectord_py
from ldirectord_py.runtime import python_command

PACKAGE = Path(ldirectord_py.__file__).parent


@pytest.fixture
def astray(tmp_path: Path) -> Path:
    """A folder with another program of the same name."""
    (tmp_path / "ldirectord_py").mkdir()
    (tmp_path / "ldirectord_py" / "__init__.py").write_text("raise RuntimeError('another program')\n")
    return tmp_path


def test_another_program_of_the_same_name_is_not_taken_for_ours(astray: Path) -> None:
    command = (*python_command.python_command("ldirectord_py.daemon.workers.worker"), "another edition")
    env = {**os.environ, "PYTHONPATH": str(astray)}
    ended = subprocess.run(
        command, check=False, cwd=astray, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    assert (ended.returncode, ended.stderr.splitlines()[-1:]) == (
        1,
        ["the program on disk is not the daemon's any more: restart the daemon"],
    )


def test_our_folder_comes_before_others_for_our_own_package_only() -> None:
    shown = "import sys; sys.path.insert(0, 'kept first'); "
    *python, code, folder, module = python_command.python_command("json.tool")
    code = shown + code.replace("importlib.import_module(sys.argv.pop(1)).main()", "'\\n'.join(sys.path)")
    ended = subprocess.run([*python, code, folder, module], check=False, capture_output=True, text=True)
    assert (ended.stderr.splitlines()[0], ended.stderr.splitlines()[-1]) == ("kept first", str(PACKAGE.parent))


def test_the_edition_is_that_of_the_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(python_command, "_PACKAGE", tmp_path)
    (tmp_path / "one.py").write_text("1")
    before = python_command.source_digest()
    assert python_command.source_digest() == before
    (tmp_path / "one.py").write_text("2")
    assert python_command.source_digest() != before


def test_the_interpreter_is_ours() -> None:
    assert python_command.python_command("any")[0] == sys.executable
