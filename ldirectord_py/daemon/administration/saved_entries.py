"""What a state file has, for commands that only look and for a start: no file is moved or written."""

from __future__ import annotations

from ldirectord_py.administration import Entries, by_identity, is_over
from ldirectord_py.daemon.administration.files import read_file
from ldirectord_py.instance.pid_file import Instance
from ldirectord_py.runtime.text import error_text
from ldirectord_py.saved_addresses import Hosts, read_addresses
from ldirectord_py.saved_state import ADDRESSES, ADMINISTRATION, DamagedStateError, read_administration


def saved_entries(instance: Instance, now: float) -> tuple[Entries, tuple[str, ...]]:
    """Return the entries that a start at this time since the epoch would read, and what is wrong with the file."""
    entries: Entries = {}
    faults: tuple[str, ...] = ()
    try:
        section = read_file(instance.state_file, instance.name).sections.get(ADMINISTRATION)
        if section is not None:
            entries, faults = read_administration(section)
    except DamagedStateError as fault:
        faults = (str(fault),)
    except OSError as error:
        faults = (f"it cannot be read: {error_text(error)}",)
    held = by_identity(entry for entry in entries.values() if not is_over(entry, now))
    return held, tuple(f"State file {instance.state_file}: {fault}" for fault in faults)


def saved_hosts(instance: Instance) -> Hosts:
    """Return the last addresses of host names; none if the file cannot be used, which the daemon itself reports."""
    try:
        section = read_file(instance.state_file, instance.name).sections.get(ADDRESSES)
    except (DamagedStateError, OSError):
        return {}
    return {} if section is None else read_addresses(section)[0]
