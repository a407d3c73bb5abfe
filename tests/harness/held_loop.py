"""Whose code held the event loop, by the stacks of its thread."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

from harness.layers import PACKAGE

TESTS: Final = Path(__file__).parents[1]
_RUNNER: Final = "asyncio/runners.py"
_OF_THE_LOOP: Final = ("asyncio/base_events.py", "asyncio/events.py", "asyncio/runners.py", "/selectors.py")
MIN_STACKS: Final = 3


class Place(NamedTuple):
    """A function that is being called, and at which line it is."""

    file: str
    line: int
    name: str


def culprit(stacks: Sequence[Sequence[Place]]) -> Place | None:
    """Return the innermost place in the package if its code holds the loop in one callback, else None.

    ``stacks`` were seen during one turn of the loop, each with the innermost function first. It is not the package's
    doing where a test is at work, or waits for what the package says blocks: a function that is not a coroutine.
    """
    callbacks = [list(_callback(stack)) for stack in stacks]
    if len(callbacks) < MIN_STACKS or not all(callbacks):
        return None
    if len({(calls[0].file, calls[0].name) for calls in callbacks}) > 1:
        return None
    found = [_culprit_of(calls) for calls in callbacks]
    return found[-1] if all(found) else None


def _callback(stack: Sequence[Place]) -> Iterator[Place]:
    """Yield the functions that the loop has called, the outermost first; nothing while it waits."""
    outermost_first = list(reversed(stack))
    runners = [at for at, place in enumerate(outermost_first) if place.file.endswith(_RUNNER)]
    if not runners:
        return
    within = outermost_first[runners[-1] + 1 :]
    while within and within[0].file.endswith(_OF_THE_LOOP):
        within.pop(0)
    yield from within


def _culprit_of(calls: Sequence[Place]) -> Place | None:
    ours = [place for place in calls if _is_in(place, PACKAGE)]
    project = [place for place in calls if _is_in(place, PACKAGE) or _is_in(place, TESTS)]
    if not ours or project[-1] != ours[-1]:
        return None
    by_test = _is_in(project[0], TESTS)
    return None if by_test and not _is_coroutine(ours[0]) else ours[-1]


def _is_in(place: Place, folder: Path) -> bool:
    return Path(place.file).is_relative_to(folder)


def _is_coroutine(place: Place) -> bool:
    return any(
        node.name == place.name and node.lineno <= place.line <= (node.end_lineno or node.lineno)
        for node in _coroutines(place.file)
    )


@cache
def _coroutines(file: str) -> Sequence[ast.AsyncFunctionDef]:
    try:
        nodes = ast.walk(ast.parse(Path(file).read_text()))
    except OSError:  # code that stands in no file
        return ()
    return [node for node in nodes if isinstance(node, ast.AsyncFunctionDef)]
