"""Kinds of service from other packages; each is an entry point of the group ``ldirectord_py.checks``."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ldirectord_py.checks.base import Kind, Target

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP = "ldirectord_py.checks"

_FIELDS = frozenset(field.name for field in fields(Target))


class Plugins(NamedTuple):
    """The usable kinds, and the reasons why others are left out."""

    kinds: tuple[Kind, ...]
    refused: tuple[str, ...]


class _UnusableError(Exception):
    """An entry point is not a usable kind; the text is the reason."""


def may_be_installed(path: Iterable[str]) -> bool:
    """Return whether a package on Python's path may have a plug-in.

    Without one, importlib.metadata is not needed, which takes 14 ms to import.
    """
    return any(map(_may_have_plugins, map(Path, path)))


def _may_have_plugins(place: Path) -> bool:
    if place.suffix == ".egg" or place.is_file():  # a package or an archive, which only importlib.metadata reads
        return True
    return any(map(_may_name_our_group, place.glob("*.*-info/entry_points.txt")))


def _may_name_our_group(entry_points: Path) -> bool:
    try:
        return GROUP.encode() in entry_points.read_bytes()
    except OSError:
        return True


def plugins(entries: Iterable[EntryPoint], taken: Collection[str]) -> Plugins:
    """Return the kinds of the entry points, in the order of their names; a name in ``taken`` is refused."""
    kinds: dict[str, Kind] = {}
    refused: list[str] = []
    for entry in sorted(entries, key=lambda entry: (entry.name, _package(entry))):
        try:
            kind = _kind(entry, {*taken, *kinds})
        except _UnusableError as reason:
            refused.append(f'service "{entry.name}" of {_package(entry)} is left out: {reason}')
        else:
            kinds[kind.name] = kind
    return Plugins(tuple(kinds.values()), tuple(refused))


def _kind(entry: EntryPoint, taken: Collection[str]) -> Kind:
    """Import the kind; raises _UnusableError, and nothing that the plug-in raises."""
    try:
        kind = entry.load()
    except (Exception, SystemExit) as error:  # noqa: BLE001  somebody else's code must not end us
        raise _UnusableError(f"{type(error).__name__}: {error}") from None
    if not isinstance(kind, Kind) or not callable(kind.check):
        raise _UnusableError(f"{entry.value} is no Kind with a check")
    if not re.fullmatch(r"\w+", kind.name):
        raise _UnusableError(f'"{kind.name}" is no word')
    if kind.name in taken:
        raise _UnusableError(f"there is a {kind.name} already")
    if unknown := kind.uses - _FIELDS:
        raise _UnusableError(f"a Target has no {min(unknown)}")
    return kind


def _package(entry: EntryPoint) -> str:
    return f"{entry.dist.name} {entry.dist.version}" if entry.dist else "an unknown package"
