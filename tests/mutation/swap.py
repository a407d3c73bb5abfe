"""Another code for functions that live in this process, so that no module has to be imported again."""

from __future__ import annotations

import gc
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from inspect import CO_OPTIMIZED
from types import CodeType, FunctionType
from typing import NamedTuple

Live = Mapping[CodeType, Sequence[FunctionType]]


class Swap(NamedTuple):
    """The code of a function, and another one for it."""

    old: CodeType
    new: CodeType


def functions(code: CodeType) -> Iterator[CodeType]:
    """Yield the code of each function of a module that is in no other function, in the order of the source."""
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            if constant.co_flags & CO_OPTIMIZED:
                yield constant
            else:  # the body of a class
                yield from functions(constant)


def swaps(old: str, new: str, path: str) -> list[Swap]:
    """Return the functions that differ between two sources of a module, of which each has the same functions."""
    before, after = (functions(compile(source, path, "exec", dont_inherit=True)) for source in (old, new))
    return [Swap(*pair) for pair in zip(before, after, strict=True) if pair[0] != pair[1]]


def live_functions(path: str) -> Live:
    """Return the functions of a source file that this process has, by their code."""
    gc.unfreeze()  # what is frozen is not among the objects
    found: dict[CodeType, list[FunctionType]] = defaultdict(list)
    for value in gc.get_objects():
        if type(value) is FunctionType and value.__code__.co_filename == path:
            found[value.__code__].append(value)
    gc.freeze()
    return found


def swap(changes: Iterable[Swap], live: Live) -> None:
    """Let the functions of this process run the new code."""
    for old, new in changes:
        for function in live.get(old, ()):
            function.__code__ = _with_closure_of(old, new)


def _with_closure_of(old: CodeType, new: CodeType) -> CodeType:
    """Return the new code with the variables of the closure, as a function has to have as many as before.

    New code may use none of them: without ``super()`` a method does not need its class.
    """
    return new if new.co_freevars else new.replace(co_freevars=old.co_freevars)
