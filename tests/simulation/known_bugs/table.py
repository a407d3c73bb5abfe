"""The table of known bugs: the simulation has to find each of them when it is put back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, Final
from unittest import mock

Replacement = tuple[Any, str, object]
"""A class or module, the name of something in it, and what stands in its place."""

Replacements = Callable[[], Iterable[Replacement]]


@dataclass(frozen=True, slots=True)
class KnownBug:
    """A bug, in words, and the replacements in the package that put it back."""

    name: str
    what: str
    replacements: Replacements

    @contextmanager
    def put_back(self) -> Iterator[None]:
        """Have the bug within the context."""
        with ExitStack() as stack:
            for owner, name, value in self.replacements():
                stack.enter_context(mock.patch.object(owner, name, value))
            yield


KNOWN_BUGS: Final[dict[str, KnownBug]] = {}
"""The bugs by their names."""


def known_bug(name: str) -> Callable[[Replacements], Replacements]:
    """Add a bug, whose words are the docstring of the function."""

    def add(replacements: Replacements) -> Replacements:
        KNOWN_BUGS[name] = KnownBug(name, (replacements.__doc__ or "").partition("\n")[0], replacements)
        return replacements

    return add
