"""What a known bug is: replacements in the package that put it back. The simulation has to find it then."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any
from unittest import mock

Replacement = tuple[Any, str, object]
"""A class or module, the name of something in it, and what stands in its place."""

Replacements = Callable[[], Iterable[Replacement]]


@dataclass(frozen=True, slots=True)
class KnownBug:
    """A bug, in words; the first ``seed`` that finds it, as ``make simulate BUG=NAME`` says; how it is put back."""

    name: str
    seed: int
    what: str
    replacements: Replacements

    @contextmanager
    def put_back(self) -> Iterator[None]:
        """Have the bug within the context."""
        with ExitStack() as stack:
            for owner, name, value in self.replacements():
                stack.enter_context(mock.patch.object(owner, name, value))
            yield


def known_bug(name: str, *, seed: int) -> Callable[[Replacements], KnownBug]:
    """Make a bug of a function that yields its replacements, and whose docstring describes it."""

    def make(replacements: Replacements) -> KnownBug:
        return KnownBug(name, seed, (replacements.__doc__ or "").partition("\n")[0], replacements)

    return make
