"""The files of a configuration as they are on disk now, compared with what was read before. These calls block."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from itertools import islice
from pathlib import Path, PurePosixPath
from posixpath import normpath

from ldirectord_py.config.files import find_files, read_file
from ldirectord_py.config.include import MAX_FILES, MAX_TOTAL_LENGTH, Contents
from ldirectord_py.errors import ConfigError

Matches = Mapping[tuple[str, str], tuple[str, ...] | None]
Fingerprint = tuple[object, ...]
"""Time, size and inode of each file, and the names that each pattern matches."""


def fingerprint(path: Path, contents: Contents) -> Fingerprint:
    """Return a fingerprint of the files of ``contents``, without reading them; ``path`` is the main file.

    Raises OSError if the main file does not exist.
    """
    matches = _match(contents)
    main = path.stat()
    others = (_stat(Path(name)) for name in list(_names(contents, matches))[1:])
    return ((main.st_mtime_ns, main.st_size, main.st_ino), *others, *matches.values())


def read_again(path: Path, contents: Contents) -> Contents:
    """Read the files of ``contents`` again, and those that their patterns match now; ``path`` is the main file.

    Reads at most what a configuration may include.
    """
    matches = _match(contents)
    main, *others = _names(contents, matches)
    texts = {main: _read(str(path))}
    left = MAX_TOTAL_LENGTH
    for name in others:
        texts[name] = text = _read(name) if left >= 0 else None
        left -= len(text or b"")
    return Contents(texts, dict(matches))


def unreadable(contents: Contents) -> Contents:
    """Return the contents with a main file that cannot be read."""
    return replace(contents, texts=contents.texts | dict.fromkeys(islice(contents.texts, 1)))


def is_readable(contents: Contents) -> bool:
    """Return whether the main file could be read."""
    return _main_text(contents) is not None


def changed_file(before: Contents, now: Contents) -> str | None:
    """Return the name of the first file whose text has changed, None if all are the same.

    It is the main file if only the set of files has changed. The main file may have another name than before.
    """
    main, *others = now.texts
    if now.texts[main] != _main_text(before):
        return main
    changed = (name for name in others if before.texts.get(name) != now.texts[name])
    same_files = {*islice(before.texts, 1, None)} == {*others} and before.matches == now.matches
    return next(changed, None if same_files else main)


def _main_text(contents: Contents) -> bytes | None:
    return next(iter(contents.texts.values()), None)


def _stat(path: Path) -> Fingerprint | None:
    with suppress(OSError, ValueError):
        status = path.stat()
        return status.st_mtime_ns, status.st_size, status.st_ino
    return None


def _read(name: str) -> bytes | None:
    with suppress(ConfigError):
        return read_file(name)
    return None


def _names(contents: Contents, matches: Matches) -> Iterator[str]:
    """Yield the files of the contents, then those that the patterns match now, up to the limit of included files."""
    names = {normpath(name): name for name in contents.texts}
    for (folder, _), files in matches.items():
        for file in files or ():
            name = str(PurePosixPath(folder) / file)
            names.setdefault(normpath(name), name)
    yield from islice(names.values(), 1 + MAX_FILES)


def _match(contents: Contents) -> Matches:
    return {key: _find(*key) for key in contents.matches}


def _find(folder: str, pattern: str) -> tuple[str, ...] | None:
    try:
        return find_files(folder, pattern)
    except ConfigError:
        return None
