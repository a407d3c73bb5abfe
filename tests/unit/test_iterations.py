"""No function ends an iteration that is not its own.

A StopIteration that leaves a function called by ``map`` or ``filter`` looks like the end of their input: what follows
is dropped without a word.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

import pytest

from harness.layers import MODULES, nodes

ENDS = frozenset(("StopIteration", "StopAsyncIteration"))


def escapes(nodes: Sequence[ast.AST]) -> Iterator[tuple[int, str]]:
    """Yield line and text of all that can raise StopIteration: ``next`` without a default, its name, ``__next__``."""
    harmless = {id(node.func) for node in nodes if isinstance(node, ast.Call) and len(node.args) == 2}
    for node in nodes:
        match node:
            case ast.Name(id="next" | "anext" as name) if id(node) not in harmless:
                yield node.lineno, name
            case ast.Name(id=name) if name in ENDS:
                yield node.lineno, name
            case ast.Attribute(attr="__next__" | "__anext__"):
                yield node.lineno, ast.unparse(node)


def test_next_has_a_default_and_nothing_raises_stop_iteration() -> None:
    found = {module: list(escapes(nodes(path))) for module, path in MODULES.items()}
    assert {module: places for module, places in found.items() if places} == {}


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("next(line for line in lines)", 1),
        ("map(next, lines)", 1),
        ("next(lines, None)", 0),
        ("map(later, lines)", 0),
        ("raise StopIteration", 1),
        ("try:\n    pass\nexcept (KeyError, StopIteration):\n    pass", 1),
        ("lines.__next__()", 1),
        ("await anext(lines)", 1),
    ],
)
def test_each_way_to_end_an_iteration_is_found(source: str, found: int) -> None:
    assert len(list(escapes([*ast.walk(ast.parse(source))]))) == found
