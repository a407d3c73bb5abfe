"""What of the lock file a package carries: dependencies and extras of pyproject.toml, without those of development."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

NOT_CARRIED = ("all", "dev")
"""Extras: the sum of the others, and what only developers need."""


class Locked(NamedTuple):
    """One requirement of the lock file: its text with the hashes, and what requires it."""

    text: str
    via: frozenset[str]


def normalized(name: str) -> str:
    """Return the name of a distribution as package indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def read_lock(text: str) -> dict[str, Locked]:
    """Return the requirements of a lock file that uv wrote, by name."""
    blocks = re.findall(r"^\S+==.*\n(?:[ \t].*\n)*", text, flags=re.MULTILINE)
    return {normalized(block.partition("==")[0]): Locked(block, frozenset(_via(block))) for block in blocks}


def _via(block: str) -> Iterator[str]:
    for comment in re.findall(r"^ +#(?: via)?(.*)", block, flags=re.MULTILINE):
        yield from comment.split()[:1]


def direct(project: Mapping[str, Any]) -> frozenset[str]:
    """Return the names that the [project] table of pyproject.toml requires, with its extras."""
    extras = project["optional-dependencies"].items()
    lists = (project["dependencies"], *(required for extra, required in extras if extra not in NOT_CARRIED))
    return frozenset(normalized(re.split(r"[^\w.-]", one, maxsplit=1)[0]) for required in lists for one in required)


def carried(lock: Mapping[str, Locked], wanted: frozenset[str]) -> frozenset[str]:
    """Return the names of ``wanted`` and of all that they require; KeyError if the lock lacks one."""
    if missing := wanted - lock.keys():
        raise KeyError(f"not in the lock file: {', '.join(sorted(missing))}")
    more = frozenset(name for name, locked in lock.items() if locked.via & wanted)
    return wanted if more <= wanted else carried(lock, wanted | more)
