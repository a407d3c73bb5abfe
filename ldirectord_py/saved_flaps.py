"""The section of a state file with what servers did lately, so that a restart lets no server in that flaps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ldirectord_py.config.directives import MAX_CHANGES
from ldirectord_py.config.model import virtual_id
from ldirectord_py.damping import FlapHistory
from ldirectord_py.ipvs.table import DestinationKey
from ldirectord_py.saved_state import FLAPS, MAX_TIME, fault_text, short_text, shown

MAX_SAVED_SERVERS: Final = 10_000
"""Servers of which a file says what they did."""

MAX_SAVED_CHANGES: Final = 100_000
"""Changes of all servers together: 2 MB."""

MAX_HISTORY_AGE: Final = 86_400.0
"""Seconds since the last change of a server after which a start forgets what it did."""

SavedFlaps = Mapping[tuple[str, str], FlapHistory]
"""What servers did, by the id of the virtual and ``address:port``."""


def flaps_section(histories: Mapping[DestinationKey, FlapHistory], offset: float) -> dict[str, Any]:
    """Return the section of these histories; ``offset`` is to be added to their times for seconds since the epoch.

    Servers that flap come first, then those that changed last, as far as there is room.
    """
    changed = ((key, history) for key, history in histories.items() if history.changes)
    servers: list[dict[str, Any]] = []
    room = MAX_SAVED_CHANGES
    for key, history in sorted(changed, key=lambda each: (not each[1].flapping, -each[1].changes[-1])):
        room -= len(history.changes)
        if room < 0 or len(servers) == MAX_SAVED_SERVERS:
            break
        servers.append(_server_fields(key, history, offset))
    return {"version": 1, "servers": servers}


def _server_fields(key: DestinationKey, history: FlapHistory, offset: float) -> dict[str, Any]:
    return {
        "virtual": virtual_id(key.service),
        "real": key.endpoint,
        "flapping": history.flapping,
        "changes": [round(at + offset, 3) for at in history.changes],
    }


def read_flaps(section: Any, now: float, offset: float) -> tuple[SavedFlaps, tuple[str, ...]]:
    """Return the valid histories of a section, and what is wrong with the rest of it.

    ``now``: in seconds since the epoch; ``offset``: what is to be subtracted from such a time.
    """
    if not isinstance(section, dict) or not isinstance(section.get("servers"), list):
        return {}, (f"its section {FLAPS} has no list of servers",)
    if section.get("version") != 1:
        return {}, (f"its section {FLAPS} has the version {shown(section.get('version'))}, not 1",)
    servers = section["servers"]
    found, faults = {}, []
    for number, fields in enumerate(servers[:MAX_SAVED_SERVERS], 1):
        try:
            identity, flapping, changes = _read_server(fields)
        except (TypeError, ValueError, KeyError, AttributeError) as fault:
            faults.append(f"server {number} of its section {FLAPS} is invalid: {fault_text(fault)}")
            continue
        if now - changes[-1] < MAX_HISTORY_AGE:
            past = tuple(min(at, now) - offset for at in changes)  # the clock may have been set back
            found[identity] = FlapHistory(past, flapping)
    if len(servers) > MAX_SAVED_SERVERS:
        faults.append(f"its section {FLAPS} has more than {MAX_SAVED_SERVERS} servers")
    return found, tuple(faults)


def _read_server(fields: Mapping[str, Any]) -> tuple[tuple[str, str], bool, list[float]]:
    flapping, changes = fields["flapping"], fields["changes"]
    if not isinstance(flapping, bool):
        raise TypeError("flapping is neither true nor false")
    if not isinstance(changes, list) or not 0 < len(changes) <= MAX_CHANGES:
        raise TypeError("changes is no list of times")
    if not all(isinstance(at, int | float) and 0 <= at < MAX_TIME for at in changes):
        raise ValueError("one of its changes is no time")
    return (short_text(fields, "virtual"), short_text(fields, "real")), flapping, sorted(changes)
