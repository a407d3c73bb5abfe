"""Counts the servers that a new configuration lacks: a file that is still being written may end anywhere."""

from __future__ import annotations

from collections.abc import Collection
from itertools import chain

from ldirectord_py.config.model import Config, Real

Identities = tuple[object, ...]
"""Identities of a server; two servers with a common identity are the same."""


def describe_loss(before: Config, after: Config) -> str:
    """Return the loss in words if more than half of the virtual or of the real servers are missing, else "".

    Replaced servers do not count, as a truncated file has fewer servers in all.
    """
    kinds = (("virtual servers", _virtuals), ("real servers", _reals))
    lost = ((name, servers(before), servers(after)) for name, servers in kinds)
    return " and ".join(f"{_lost(old, new)} of {len(old)} {name}" for name, old, new in lost if _half(old, new))


def _half(old: Collection[Identities], new: Collection[Identities]) -> bool:
    return len(new) < len(old) < 2 * _lost(old, new)


def _lost(old: Collection[Identities], new: Collection[Identities]) -> int:
    held = frozenset(chain.from_iterable(new))
    return sum(held.isdisjoint(identities) for identities in old)


def _virtuals(config: Config) -> Collection[Identities]:
    return {(virtual.key,) for virtual in config.virtuals}


def _reals(config: Config) -> Collection[Identities]:
    """Return the identities of the real servers: by address and by host name, as a name may change its address."""
    found = set[Identities]()
    for virtual in config.virtuals:
        for real in virtual.reals:
            names = (real.server, real.name) if real.name else (real.server,)
            found.add(tuple((virtual.key, real.port, name) for name in names))
        unknown = (real for real in virtual.unresolved if isinstance(real, Real))
        found.update(((virtual.key, real.port, real.name),) for real in unknown)
    return found
