"""What operators and ``maintenancedir`` did to a real server, as fields of JSON."""

from __future__ import annotations

from typing import Final

from ldirectord_py.administration import AdministrativeEntry
from ldirectord_py.daemon.control.servers.configured_fields import Fields
from ldirectord_py.daemon.control.servers.knowledge import Knowledge
from ldirectord_py.ipvs.table import DestinationKey
from ldirectord_py.runtime.times import iso_time

READY: Final[Fields] = {"state": "ready", "who": None, "since": None, "why": None, "until": None}
IN_MAINTENANCE: Final[Fields] = {**READY, "state": "maintenance", "who": "maintenancedir"}


def administrative(known: Knowledge, key: DestinationKey) -> Fields:
    """Return what was done to the server with this key."""
    entry = known.administered.get(key)
    if entry is None:
        return IN_MAINTENANCE if key in known.maintained else READY
    return entry_fields(entry)


def entry_fields(entry: AdministrativeEntry) -> Fields:
    """Return what an operator did to a server."""
    by = entry.decision
    until = None if by.until is None else iso_time(by.until)
    return {"state": entry.state.value, "who": by.who, "since": iso_time(by.since), "why": by.why, "until": until}
