"""The files of a configuration on disk: whether they have changed since they were read. These calls block."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from itertools import islice
from pathlib import Path, PurePosixPath
from posixpath import normpath

from ldirectord_py.config.files import find_files, read_file
from ldirectord_py.config.include import MAX_FILES, MAX_TOTAL_LENGTH, Contents
from ldirectord_py.errors import ConfigError

Matches = Mapping[tuple[str, str], tuple[str, ...] | None]
Stamp = tuple[object, ...]


def stamp(path: Path, contents: Contents) -> Stamp:
    """Return what tells without reading whether these files, the first of them at ``path``, are still the same.

    OSError where the first is not there.
    """
    matches = _matches(contents)
    own = path.stat()
    others = (_stamp(Path(name)) for name in list(_names(contents, matches))[1:])
    return ((own.st_mtime_ns, own.st_size, own.st_ino), *others, *matches.values())


def _stamp(path: Path) -> Stamp | None:
    with suppress(OSError, ValueError):
        seen = path.stat()
        return seen.st_mtime_ns, seen.st_size, seen.st_ino
    return None


def look(path: Path, contents: Contents) -> Contents:
    """Return what the same files hold now, the first of them at ``path``, and those that their patterns find now.

    No more is read than a configuration may include.
    """
    matches = _matches(contents)
    first, *others = _names(contents, matches)
    texts = {first: _read(str(path))}
    left = MAX_TOTAL_LENGTH
    for name in others:
        texts[name] = held = _read(name) if left >= 0 else None
        left -= len(held or b"")
    return Contents(texts, dict(matches))


def _read(name: str) -> bytes | None:
    with suppress(ConfigError):
        return read_file(name)
    return None


def _names(contents: Contents, matches: Matches) -> Iterator[str]:
    """Yield the names of the files that were read, and of those found now, each once, and no more than may be."""
    names = {normpath(name): name for name in contents.texts}
    for (folder, _), files in matches.items():
        for file in files or ():
            name = str(PurePosixPath(folder) / file)
            names.setdefault(normpath(name), name)
    yield from islice(names.values(), 1 + MAX_FILES)


def _matches(contents: Contents) -> Matches:
    return {key: _found(*key) for key in contents.matches}


def _found(folder: str, pattern: str) -> tuple[str, ...] | None:
    try:
        return find_files(folder, pattern)
    except ConfigError:
        return None


def digest(contents: Contents) -> str:
    """Return what stands for the contents, whatever the first file is called; nothing where it cannot be read."""
    own, *_ = contents.texts.values() or (None,)
    if own is None:
        return ""
    _, *others = contents.texts
    files = [(name, _sum(contents.texts[name])) for name in sorted(others)]
    return hashlib.sha256(repr((_sum(own), files, sorted(contents.matches.items()))).encode()).hexdigest()


def _sum(held: bytes | None) -> str:
    return "" if held is None else hashlib.sha256(held).hexdigest()


def changed(before: Contents, now: Contents) -> str:
    """Return the name of the first file that has changed, come or gone."""
    differ = (name for name in now.texts if before.texts.get(name) != now.texts[name])
    return next(differ, next(iter(now.texts), ""))
