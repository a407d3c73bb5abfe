"""Whose code held the event loop, by the stacks of its thread during one turn."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import dropwhile, takewhile
from pathlib import Path
from typing import Final

from harness import loop_turns
from harness.layers import PACKAGE
from harness.thread_times import Place

TESTS: Final = Path(__file__).parents[1]
_TURN: Final = loop_turns.__file__
_OF_THE_LOOP: Final = (_TURN, "asyncio/events.py")
MIN_STACKS: Final = 3


def culprit(stacks: Sequence[Sequence[Place]]) -> Sequence[Place]:
    """Return the last places in the package, the innermost first, if its code holds the loop; none if not.

    ``stacks`` were seen during one turn of the loop, each with the innermost function first. It is not the package's
    doing where a test is at work, or waits for what the package says blocks: a function that is not a coroutine.
    """
    if len(stacks) < MIN_STACKS:
        return ()
    found = [_culprit_of(list(_callback(stack))) for stack in stacks]
    return found[-1] if all(found) else ()


def _callback(stack: Sequence[Place]) -> Iterator[Place]:
    """Return the functions that the loop has called, the outermost first; none if it is not seen to call one."""
    turn = dropwhile(lambda place: place.file != _TURN, reversed(stack))
    return dropwhile(lambda place: place.file.endswith(_OF_THE_LOOP), turn)


def _culprit_of(calls: Sequence[Place]) -> Sequence[Place]:
    project = [place for place in calls if _is_in(place, PACKAGE) or _is_in(place, TESTS)]
    ours = list(takewhile(lambda place: _is_in(place, PACKAGE), reversed(project)))
    by_test = len(ours) < len(project)
    return () if by_test and ours and not _is_coroutine(ours[-1]) else ours


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
