"""How many servers a new configuration loses: a file that is still being written may be cut off anywhere."""

from __future__ import annotations

from collections.abc import Collection
from itertools import chain

from ldirectord_py.config.model import Config, Real

Marks = tuple[object, ...]
"""What a server is known by: one that has any of another's is the same."""


def describe_loss(before: Config, after: Config) -> str:
    """Return in words what is lost if that is more than half of the virtual or of the real servers, else "".

    Servers that were replaced do not count: a file that is cut off has fewer servers in all.
    """
    kinds = (("virtual servers", _virtuals), ("real servers", _reals))
    lost = ((name, servers(before), servers(after)) for name, servers in kinds)
    return " and ".join(f"{_lost(old, new)} of {len(old)} {name}" for name, old, new in lost if _half(old, new))


def _half(old: Collection[Marks], new: Collection[Marks]) -> bool:
    return len(new) < len(old) < 2 * _lost(old, new)


def _lost(old: Collection[Marks], new: Collection[Marks]) -> int:
    held = frozenset(chain.from_iterable(new))
    return sum(held.isdisjoint(marks) for marks in old)


def _virtuals(config: Config) -> Collection[Marks]:
    return {(virtual.key,) for virtual in config.virtuals}


def _reals(config: Config) -> Collection[Marks]:
    """Return the marks of the real servers: address and host name, which may have another address now or none."""
    marks = set[Marks]()
    for virtual in config.virtuals:
        for real in virtual.reals:
            names = (real.server, real.name) if real.name else (real.server,)
            marks.add(tuple((virtual.key, real.port, name) for name in names))
        unknown = (real for real in virtual.unresolved if isinstance(real, Real))
        marks.update(((virtual.key, real.port, real.name),) for real in unknown)
    return marks
