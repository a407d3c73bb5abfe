"""How many servers a new configuration loses: a file that is still being written may be cut off anywhere."""

from __future__ import annotations

from collections.abc import Collection

from ldirectord_py.config.model import Config, Real


def loss(before: Config, after: Config) -> str:
    """Return in words what is lost if that is more than half of the virtual or of the real servers, else "".

    Servers that were replaced do not count: a file that is cut off has fewer servers in all.
    """
    kinds = (("virtual servers", _virtuals), ("real servers", _reals))
    lost = ((name, servers(before), servers(after)) for name, servers in kinds)
    return " and ".join(f"{_lost(old, new)} of {len(old)} {name}" for name, old, new in lost if _half(old, new))


def _half(old: Collection[object], new: Collection[object]) -> bool:
    return len(new) < len(old) < 2 * _lost(old, new)


def _lost(old: Collection[object], new: Collection[object]) -> int:
    return sum(server not in new for server in old)


def _virtuals(config: Config) -> Collection[object]:
    return {virtual.key for virtual in config.virtuals}


def _reals(config: Config) -> Collection[object]:
    """Return what tells the real servers apart, also those whose names have no address now."""
    return {
        (virtual.key, real.server, real.port, name)
        for virtual in config.virtuals
        for real, name in (
            *((real, None) for real in virtual.reals),
            *((real, real.name) for real in virtual.unresolved if isinstance(real, Real)),
        )
    }
