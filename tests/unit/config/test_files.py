"""Files that are read, listed, or refused."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from ldirectord_py.config.files import MAX_FILE_SIZE, Files, find_files, read_file
from ldirectord_py.errors import ConfigError

Write = Callable[[bytes], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(content: bytes) -> Path:
        path = tmp_path / "test.cf"
        path.write_bytes(content)
        return path

    return write


def refusal(path: Path) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        read_file(str(path))
    return [str(problem).removeprefix(str(path)) for problem in caught.value.problems]


def test_F25_a_binary_file_is_refused_in_one_line(write: Write) -> None:
    content = b"\x7fELF\n" + bytes(range(256)) * 99
    assert refusal(write(content)) == [":2:1: the file holds NUL bytes: it is not text; save it as UTF-8"]


def test_F25_a_file_too_large_is_refused(write: Write) -> None:
    assert refusal(write(b"#" * (MAX_FILE_SIZE + 1))) == [
        ":1:1: the file is larger than 16 MB; name a configuration file"
    ]


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path / "absent.cf") == [
        ":1:1: cannot read the file: No such file or directory; check its path and permissions"
    ]


def test_a_directory_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path) == [":1:1: cannot read the file: Is a directory; check its path and permissions"]


def test_a_pipe_is_refused_without_waiting_for_it(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.cf"
    os.mkfifo(pipe)
    assert refusal(pipe) == [":1:1: this is not a regular file; name a file"]


def test_a_path_with_a_nul_is_refused() -> None:
    assert refusal(Path("a\0b")) == [
        r"a\x00b:1:1: cannot read the file: embedded null byte; check its path and permissions"
    ]


def test_each_file_is_read_once(tmp_path: Path) -> None:
    path = tmp_path / "a.cf"
    path.write_bytes(b"\xff")
    files = Files()
    assert files.text(str(path)).text == "\udcff"
    path.write_text("other")
    assert files.text(str(path)).text == "\udcff"
    with pytest.raises(ConfigError):
        files.text(str(tmp_path / "b.cf"))
    (tmp_path / "b.cf").write_text("too late")
    with pytest.raises(ConfigError):
        files.text(str(tmp_path / "b.cf"))
    assert files.contents.texts == {str(path): b"\xff", str(tmp_path / "b.cf"): None}


def test_each_folder_is_listed_once(tmp_path: Path) -> None:
    (tmp_path / "a.cf").touch()
    files = Files()
    assert files.matches(str(tmp_path), "*.cf") == ("a.cf",)
    (tmp_path / "b.cf").touch()
    assert files.matches(str(tmp_path), "*.cf") == ("a.cf",)
    assert find_files(str(tmp_path), "*.cf") == ("a.cf", "b.cf")


def test_a_folder_that_does_not_exist_has_no_files(tmp_path: Path) -> None:
    assert find_files(str(tmp_path), "absent/*.cf") == ()
