"""The text of a state file: sections of JSON, each with a version of its own.

Sections that this version does not know are kept as they are.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, Final

from ldirectord_py.administration import (
    MAX_ENTRIES,
    MAX_TEXT,
    AdministrativeEntry,
    AdministrativeState,
    Decision,
    Entries,
    by_identity,
)
from ldirectord_py.errors import LdirectordError

FORMAT: Final = "ldirectord-state"
STATE_VERSION: Final = 1
ADMINISTRATION: Final = "administration"
ADDRESSES: Final = "addresses"
FLAPS: Final = "flaps"
DISPENSABLE: Final = (FLAPS, ADDRESSES)
"""Sections that are left out of a file that would be too large: a drain is worth more."""

MAX_BYTES: Final = 16_000_000
"""Bytes of a state file: 10,000 entries have 5 MB."""

MAX_NESTING: Final = 100
"""Lists and objects inside each other: what is nested much deeper can be read, but not written again."""

MAX_TIME: Final = 1e11
"""Seconds since the epoch that a time may be: the year 5138."""


class DamagedStateError(LdirectordError):
    """A state file cannot be used; the text says why."""


@dataclass(frozen=True, slots=True)
class SavedState:
    """The sections of a state file by their names."""

    sections: Mapping[str, Any] = field(default_factory=dict)

    def to_bytes(self, instance: str) -> bytes:
        """Return the contents of the file, without the dispensable sections if it has no room for them."""
        sections = dict(self.sections)
        data = _encoded(sections, instance)
        for name in DISPENSABLE:
            if len(data) > MAX_BYTES and sections.pop(name, None) is not None:
                data = _encoded(sections, instance)
        return data


def _encoded(sections: Mapping[str, Any], instance: str) -> bytes:
    envelope = {"format": FORMAT, "version": STATE_VERSION, "instance": instance, "sections": sections}
    return (json.dumps(envelope, indent=1, ensure_ascii=True) + "\n").encode()


def read_state(data: bytes, instance: str) -> SavedState:
    """Return the state in a file of this instance; raises DamagedStateError."""
    try:
        envelope = json.loads(data)
    except (ValueError, RecursionError) as fault:
        raise DamagedStateError(f"it is no JSON: {fault}") from fault
    if not _is_shallow(envelope):
        raise DamagedStateError(f"it is nested more than {MAX_NESTING} deep")
    if not isinstance(envelope, dict) or envelope.get("format") != FORMAT:
        raise DamagedStateError("it is no state file of ldirectord")
    if envelope.get("version") != STATE_VERSION:
        raise DamagedStateError(f"its version is {shown(envelope.get('version'))}, not {STATE_VERSION}")
    if envelope.get("instance") != instance:
        raise DamagedStateError(f"it is of the instance {shown(envelope.get('instance'))}")
    sections = envelope.get("sections")
    if not isinstance(sections, dict):
        raise DamagedStateError("it has no sections")
    return SavedState(sections)


def _is_shallow(value: object) -> bool:
    """Return whether at most MAX_NESTING lists and objects are inside each other; takes no deep stack itself."""
    level: list[Any] = [[value]]
    for _ in range(MAX_NESTING + 1):
        inside = chain.from_iterable(each.values() if isinstance(each, dict) else each for each in level)
        level = [each for each in inside if isinstance(each, dict | list)]
        if not level:
            return True
    return False


def administration_section(entries: Entries) -> dict[str, Any]:
    """Return the section of the drained and disabled servers."""
    return {"version": 1, "servers": [entry_fields(entry) for entry in entries.values()]}


def entry_fields(entry: AdministrativeEntry) -> dict[str, Any]:
    """Return an entry as fields of JSON; times in seconds since the epoch."""
    decision = entry.decision
    return {
        "virtual": entry.virtual,
        "real": entry.real,
        "name": entry.name,
        "state": entry.state.value,
        "who": decision.who,
        "since": decision.since,
        "why": decision.why,
        "until": decision.until,
        "absent": entry.absent,
    }


def read_administration(section: Any) -> tuple[Entries, tuple[str, ...]]:
    """Return the valid entries of a section, and what is wrong with the rest of it."""
    if not isinstance(section, dict) or not isinstance(section.get("servers"), list):
        return {}, (f"its section {ADMINISTRATION} has no list of servers",)
    if section.get("version") != 1:
        return {}, (f"its section {ADMINISTRATION} has the version {shown(section.get('version'))}, not 1",)
    servers = section["servers"]
    entries, faults = [], []
    for number, fields in enumerate(servers[:MAX_ENTRIES], 1):
        try:
            entries.append(_read_entry(fields))
        except (TypeError, ValueError, KeyError, AttributeError) as fault:
            faults.append(f"server {number} of its section {ADMINISTRATION} is invalid: {fault_text(fault)}")
    if len(servers) > MAX_ENTRIES:
        faults.append(f"its section {ADMINISTRATION} has more than {MAX_ENTRIES} servers")
    return by_identity(entries), tuple(faults)


def with_section(state: SavedState, name: str, section: Mapping[str, Any]) -> SavedState:
    """Return a state with a section set."""
    return SavedState({**state.sections, name: section})


def _read_entry(fields: Mapping[str, Any]) -> AdministrativeEntry:
    state = AdministrativeState(fields["state"])
    if state is AdministrativeState.READY:
        raise ValueError("a server that is ready has no entry")
    return AdministrativeEntry(
        short_text(fields, "virtual"),
        short_text(fields, "real"),
        None if fields.get("name") is None else short_text(fields, "name"),
        state,
        Decision(
            short_text(fields, "who"),
            _time(fields, "since"),
            short_text(fields, "why", ""),
            _optional_time(fields, "until"),
        ),
        _optional_time(fields, "absent"),
    )


def short_text(fields: Mapping[str, Any], name: str, default: str | None = None) -> str:
    """Return a text of one line, ``default`` where there is none; raises ValueError or KeyError."""
    value = fields[name] if default is None else fields.get(name, default)
    if not isinstance(value, str) or len(value) > 2 * MAX_TEXT or not value.isprintable():
        raise ValueError(f"{name} is no short text")
    if default is None and not value:
        raise ValueError(f"{name} is empty")
    return value


def _time(fields: Mapping[str, Any], name: str) -> float:
    value = fields[name]
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < MAX_TIME:
        raise ValueError(f"{name} is no time")
    return float(value)


def _optional_time(fields: Mapping[str, Any], name: str) -> float | None:
    return None if fields.get(name) is None else _time(fields, name)


def fault_text(fault: Exception) -> str:
    """Return what is wrong with an entry of a section."""
    return f"{fault} is missing" if isinstance(fault, KeyError) else str(fault)[:MAX_TEXT]


def shown(value: object) -> str:
    """Return any value of a file in a few printable characters."""
    return ascii(value)[:MAX_TEXT]
