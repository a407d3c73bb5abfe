"""Reads and finds files, each once."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from glob import glob
from itertools import takewhile
from pathlib import Path, PurePosixPath
from typing import TypeVar

from ldirectord_py.config.include import WILDCARDS, Contents
from ldirectord_py.config.lines import Text
from ldirectord_py.errors import ConfigError, Problem
from ldirectord_py.runtime.regular_files import NotRegularFileError, read_regular_file

MAX_FILE_SIZE = 16 * 2**20
"""Bytes."""

T = TypeVar("T")


class Files:
    """The files of this host; caches contents, matches and errors, so that each answer stays the same."""

    def __init__(self, contents: Contents | None = None) -> None:
        self.contents = contents or Contents()
        self._refused: dict[str, ConfigError] = {}

    def matches(self, folder: str, pattern: str) -> Sequence[str]:
        """Return the files that a pattern with wildcards matches, sorted, relative to the folder.

        Raises ConfigError if the folder exists and cannot be listed.
        """
        key = folder, pattern
        if key not in self.contents.matches:
            self.contents.matches[key] = self._try(pattern, lambda: find_files(folder, pattern))
        return self._result_or_error(pattern, self.contents.matches[key])

    def text(self, file: str) -> Text:
        """Return the text of a configuration file, a lone surrogate for each byte that is not UTF-8.

        Raises ConfigError if it is not text or cannot be read.
        """
        if file not in self.contents.texts:
            self.contents.texts[file] = self._try(file, lambda: read_file(file))
        return Text(file, self._result_or_error(file, self.contents.texts[file]).decode("utf-8", "surrogateescape"))

    def _try(self, name: str, look: Callable[[], T]) -> T | None:
        try:
            return look()
        except ConfigError as error:
            self._refused[name] = error
            return None

    def _result_or_error(self, name: str, result: T | None) -> T:
        if result is None:
            raise self._refused[name]
        return result

    def binary(self, file: str) -> bytes:
        """Return the contents of a file of another format; raises ConfigError."""
        if file not in self.contents.others:
            self.contents.others[file] = read_file(file)
        return self.contents.others[file]


def find_files(folder: str, pattern: str) -> tuple[str, ...]:
    """Return the files that a pattern matches now, none in a folder that does not exist.

    Raises ConfigError if the folder cannot be listed: it is unknown then which files there are.
    """
    parts = PurePosixPath(pattern).parts[:-1]
    fixed = Path(folder, *takewhile(lambda part: not WILDCARDS.intersection(part), parts))
    try:
        os.scandir(fixed).close()
        return tuple(sorted(glob(pattern, root_dir=folder)))  # noqa: PTH207  Path.glob takes hidden files too
    except (FileNotFoundError, NotADirectoryError):
        return ()
    except (OSError, ValueError) as error:
        raise file_error(str(fixed), f"cannot list {fixed}: {_reason(error)}", "check its permissions") from error


def read_file(file: str) -> bytes:
    """Return the contents of a file; raises ConfigError if it cannot be read, is not text, or is too large."""
    try:
        contents = read_regular_file(file, MAX_FILE_SIZE + 1)
    except NotRegularFileError as error:
        raise file_error(file, "this is not a regular file", "name a file") from error
    except (OSError, ValueError) as error:
        raise file_error(file, f"cannot read the file: {_reason(error)}", "check its path and permissions") from error
    if len(contents) > MAX_FILE_SIZE:
        raise file_error(file, f"the file is larger than {MAX_FILE_SIZE >> 20} MB", "name a configuration file")
    if b"\0" in contents:
        number = contents.count(b"\n", 0, contents.index(b"\0")) + 1
        raise file_error(file, "the file holds NUL bytes: it is not text", "save it as UTF-8", number)
    return contents


def file_error(file: str, what: str, hint: str, line: int = 1) -> ConfigError:
    """Return the error about a file as a whole."""
    return ConfigError((Problem(file, line, 1, what, hint),))


def _reason(error: OSError | ValueError) -> str:
    return error.strerror if isinstance(error, OSError) and error.strerror else str(error)
