"""The real servers that the names of a request mean, and those that have left the configuration."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import compress
from typing import Final, NoReturn

from ldirectord_py.administration import AdministrativeEntry
from ldirectord_py.compiled_real import CompiledReal
from ldirectord_py.control.protocol import Code, RequestError
from ldirectord_py.daemon.reconciler.compiled_config import CompiledConfig, CompiledVirtual
from ldirectord_py.ipvs.table import DestinationKey
from ldirectord_py.runtime.slices import in_slices, one_slice
from ldirectord_py.server_names import ServerPattern, unknown_server

MAX_NAMES: Final = 100
"""Names in a request."""

MAX_NAME_LENGTH: Final = 600
"""Characters of a name: two host names have 506; a glob of 60,000 takes a second to read."""


async def choose_reals(
    compiled: CompiledConfig, names: Sequence[str], virtual: str = "", optional: Collection[str] = ()
) -> list[CompiledReal]:
    """Return the real servers that these names mean, if named only in this ``virtual``, in the order of the file.

    Raises RequestError for a name that means none, unless it is ``optional``.
    """
    refuse_excess(names)
    refuse_excess([virtual])
    virtuals = await choose_virtuals(compiled, virtual)
    if not virtuals and not set(names) <= set(optional):
        raise RequestError(Code.NOT_FOUND, f"no virtual {virtual}")
    found: dict[DestinationKey, CompiledReal] = {}
    for name in names:
        matching = await _matching(virtuals, name)
        if not matching and name not in optional:
            await refuse_unknown(virtuals, name)
        found |= matching
    return [found[real.key] for each in virtuals for real in each.reals.values() if real.key in found]


async def choose_virtuals(compiled: CompiledConfig, name: str) -> list[CompiledVirtual]:
    """Return the virtuals that a name means, which may be none; all of them if it is empty."""
    virtuals = list(compiled.virtuals.values())
    if not name:
        return virtuals
    async with one_slice():
        pattern = ServerPattern(f"{name}/*")
    return list(compress(virtuals, await in_slices(pattern.includes(each.virtual) for each in virtuals)))


async def choose_entries(
    entries: Sequence[AdministrativeEntry], names: Sequence[str], virtual: str = ""
) -> dict[str, list[AdministrativeEntry]]:
    """Return those of these entries that the names mean, by the names; only for names that mean any."""
    refuse_excess(names)
    refuse_excess([virtual])
    found: dict[str, list[AdministrativeEntry]] = {}
    for name in names if entries else ():
        async with one_slice():
            patterns = [ServerPattern(text) for text in ([name, f"{virtual}/*"] if virtual else [name])]
        are_meant = await in_slices(all(pattern.matches_entry(each) for pattern in patterns) for each in entries)
        if any(are_meant):
            found[name] = list(compress(entries, are_meant))
    return found


def refuse_excess(names: Sequence[str]) -> None:
    """Raise RequestError for too many or too long names, or none at all."""
    if not 0 < len(names) <= MAX_NAMES:
        raise RequestError(Code.BAD_REQUEST, f"names has to have 1 to {MAX_NAMES} names")
    if any(len(name) > MAX_NAME_LENGTH for name in names):
        raise RequestError(Code.BAD_REQUEST, f"a name has {MAX_NAME_LENGTH} characters at most")


async def refuse_unknown(virtuals: Iterable[CompiledVirtual], name: str) -> NoReturn:
    """Raise RequestError for a name that means no server of these virtuals."""
    async with one_slice():
        error = unknown_server((each.virtual for each in virtuals), name)
    raise RequestError(Code.NOT_FOUND, str(error))


async def _matching(virtuals: Sequence[CompiledVirtual], name: str) -> dict[DestinationKey, CompiledReal]:
    async with one_slice():
        pattern = ServerPattern(name)
    return {real.key: real for real in await in_slices(_meant(virtuals, pattern)) if real is not None}


def _meant(virtuals: Sequence[CompiledVirtual], pattern: ServerPattern) -> Iterator[CompiledReal | None]:
    """Yield each server that is meant, and None for each virtual and server that is not."""
    for each in virtuals:
        if not pattern.includes(each.virtual):
            yield None
            continue
        for real in each.reals.values():
            yield real if pattern.matches(real.virtual, real.real) else None
