"""The mutants of a module: its source with one small change in a function, made by the operators of mutmut.

What runs when the module is imported is not changed (constants, defaults, decorators), as mutmut does not either.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import libcst
from libcst.metadata import MetadataWrapper
from mutmut.mutation.mutators import mutation_operators

from mutation.names import marked

LEFT_ALONE: Final = ("len", "isinstance", "cast")
"""Calls that are not changed: the first two by mutmut's choice, the last one as it does nothing."""

STRICT: Final = "strict"
"""An argument of ``zip`` that is not changed: it states what is always so, as an assertion does."""


class Mutant(NamedTuple):
    """A module with one change: its ``name`` in the files of survivors, and its whole source."""

    name: str
    source: str


class _Change(NamedTuple):
    """A node of the syntax tree, another one for it, and the names of the classes and functions around it."""

    names: tuple[str, ...]
    old: libcst.CSTNode
    new: libcst.CSTNode


def mutants(source: str) -> Iterator[Mutant]:
    """Yield each mutant of a module, in the order of its source."""
    module = MetadataWrapper(libcst.parse_module(source)).module  # a copy in which no node is there twice
    before, after = ("".join(module.code_for_node(line) for line in lines) for lines in (module.header, module.footer))
    parts = [module.code_for_node(statement) for statement in module.body]
    for at, statement in enumerate(module.body):
        for change in _changes(statement, ()):
            changed = module.code_for_node(statement.deep_replace(change.old, change.new))
            name = f"{'.'.join(change.names) or 'module'}: {marked(parts[at], changed)}"
            yield Mutant(name, "".join((before, *parts[:at], changed, *parts[at + 1 :], after)))


def _changes(node: Any, names: tuple[str, ...], *, runs: bool = False) -> Iterator[_Change]:
    """Yield the changes of a node and those below it; ``runs``: it is part of a function."""
    if isinstance(node, libcst.FunctionDef | libcst.ClassDef):
        inside = runs or isinstance(node, libcst.FunctionDef)
        yield from _changes(node.body, (*names, node.name.value), runs=inside)
        return
    if isinstance(node, libcst.Annotation | libcst.Parameters) or _is_left_alone(node):
        return
    runs = runs or isinstance(node, libcst.Lambda)
    if runs:
        for kind, operator in mutation_operators:
            if isinstance(node, kind):
                yield from (_Change(names, node, new) for new in operator(node) if _differs(node, new))
    for child in node.children:
        yield from _changes(child, names, runs=runs)


def _is_left_alone(node: Any) -> bool:
    return _is_strict(node) or (
        isinstance(node, libcst.Call) and isinstance(node.func, libcst.Name) and node.func.value in LEFT_ALONE
    )


def _is_strict(node: Any) -> bool:
    return isinstance(node, libcst.Arg) and node.keyword is not None and node.keyword.value == STRICT


def _differs(old: Any, new: Any) -> bool:
    """Return whether two nodes differ in more than the argument ``strict``."""
    if not (isinstance(old, libcst.Call) and isinstance(new, libcst.Call)) or not any(map(_is_strict, old.args)):
        return True
    before, after = ([each for each in call.args if not _is_strict(each)] for call in (old, new))
    return len(before) != len(after) or not all(map(libcst.Arg.deep_equals, before, after))
