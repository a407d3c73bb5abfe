"""What operators have done to real servers: which are drained or disabled, by whom, since when, why, until when.

An entry names its server as the configuration does, so that it follows the server over reloads, restarts and changes of
the address of a host name. Times are seconds of the wall clock.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from ldirectord_py.config.model import Real, Virtual
from ldirectord_py.ipvs.table import DestinationKey

ABSENT_TIME: Final = 86_400.0
"""Seconds for which a server that left the configuration keeps its entry: a mistake in the file undoes no drain."""

MAX_ENTRIES: Final = 10_000
"""Servers that may be drained or disabled at a time."""

MAX_TEXT: Final = 200
"""Characters of a reason, of a user's name, and of other texts of an entry."""


class AdministrativeState(StrEnum):
    """What an operator wants of a server, whatever its checks say."""

    READY = "ready"
    DRAIN = "drain"  # weight 0: connections go on, no new clients
    DISABLED = "disabled"  # no row


@dataclass(frozen=True, slots=True)
class Decision:
    """Who put a server into a state, ``since`` when, ``why``, and ``until`` when; None: until further notice."""

    who: str
    since: float
    why: str = ""
    until: float | None = None


@dataclass(frozen=True, slots=True)
class AdministrativeEntry:
    """A server that is drained or disabled: the id of its virtual, its ``address:port``, and its name, if it has one.

    ``name`` has the port too. ``absent``: since when no configuration has had the server, None while one has it.
    """

    virtual: str
    real: str
    name: str | None
    state: AdministrativeState
    decision: Decision
    absent: float | None = None

    @property
    def identity(self) -> tuple[str, str]:
        """The virtual, and the name or else the address: no two entries have the same."""
        return self.virtual, self.name or self.real


Entries = Mapping[tuple[str, str], AdministrativeEntry]
"""The entries by their identities."""

EntriesByServer = Mapping[DestinationKey, AdministrativeEntry]
"""The entry of each real server of a configuration that is drained or disabled, by its ``real_key``."""

_Server = tuple[DestinationKey, Real, AdministrativeEntry]


def entry_of(virtual: Virtual, real: Real, state: AdministrativeState, decision: Decision) -> AdministrativeEntry:
    """Return the entry that puts a server into a state."""
    return AdministrativeEntry(virtual.id, str(real), _full_name(real), state, decision)


def by_identity(entries: Iterable[AdministrativeEntry]) -> Entries:
    """Return the entries by their identities; the last of several counts."""
    return {entry.identity: entry for entry in entries}


def find_administered(entries: Entries, virtuals: Iterable[Virtual]) -> EntriesByServer:
    """Return the entry of each server that has one.

    A name counts before an address. An entry whose name its virtual does not have means the server of its address,
    which may have another name now.
    """
    return {key: entry for virtual, own in _by_virtual(entries, virtuals) for key, _, entry in _find_in(virtual, own)}


def follow(entries: Entries, virtuals: Iterable[Virtual], now: float) -> Entries:
    """Return the entries with the addresses and names that their servers have in a new configuration.

    One without a server is kept for ABSENT_TIME, and as long as its name is configured but has no address.
    """
    present: list[AdministrativeEntry] = []
    missing = dict(entries)
    for virtual, own in _by_virtual(entries, virtuals):
        waiting = {_full_name(real) for real in virtual.unresolved if isinstance(real, Real)}
        for _, real, entry in _find_in(virtual, own):
            name = _full_name(real) or (entry.name if entry.name in waiting else None)
            present.append(replace(entry, real=str(real), name=name, absent=None))
            missing.pop(entry.identity, None)
        unresolved = [entry for entry in own if entry.name and entry.name in waiting and entry.identity in missing]
        present += [replace(missing.pop(entry.identity), absent=None) for entry in unresolved]
    absent = [replace(entry, absent=now if entry.absent is None else entry.absent) for entry in missing.values()]
    return by_identity([entry for entry in absent if not _is_forgotten(entry, now)] + present)


def is_over(entry: AdministrativeEntry, now: float) -> bool:
    """Return whether the time of an entry is over: that of ``until``, or ABSENT_TIME."""
    return (entry.decision.until is not None and entry.decision.until <= now) or _is_forgotten(entry, now)


def _is_forgotten(entry: AdministrativeEntry, now: float) -> bool:
    return entry.absent is not None and entry.absent + ABSENT_TIME <= now


def _by_virtual(
    entries: Entries, virtuals: Iterable[Virtual]
) -> Iterator[tuple[Virtual, Sequence[AdministrativeEntry]]]:
    """Yield each virtual that has entries, with these."""
    owned: dict[str, list[AdministrativeEntry]] = {}
    for entry in entries.values():
        owned.setdefault(entry.virtual, []).append(entry)
    if owned:
        yield from ((virtual, owned[virtual.id]) for virtual in virtuals if virtual.id in owned)


def _find_in(virtual: Virtual, entries: Sequence[AdministrativeEntry]) -> Iterator[_Server]:
    names = {_full_name(real) for real in virtual.reals}
    by_name = {entry.name: entry for entry in entries if entry.name is not None}
    nameless = [entry for entry in entries if entry.name is None or entry.name not in names]
    by_address = {entry.real: entry for entry in sorted(nameless, key=_has_server)}  # of several, one with a server
    seen: set[DestinationKey] = set()
    for real in virtual.reals:
        name, key = _full_name(real), DestinationKey(virtual.key, real.server, real.port)
        entry = (by_name.get(name) if name else None) or by_address.get(str(real))
        if entry is not None and key not in seen:
            seen.add(key)
            yield key, real, entry


def _has_server(entry: AdministrativeEntry) -> bool:
    return entry.absent is None


def _full_name(real: Real) -> str | None:
    return None if real.name is None else f"{real.name}:{real.port}"
