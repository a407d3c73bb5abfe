"""What a state file has, for commands that only look and for a start: no file is moved or written."""

from __future__ import annotations

from dataclasses import dataclass

from ldirectord_py.administration import Entries, by_identity, is_over
from ldirectord_py.daemon.administration.files import read_file
from ldirectord_py.instance.pid_file import Instance
from ldirectord_py.runtime.text import error_text
from ldirectord_py.saved_addresses import Hosts, read_addresses
from ldirectord_py.saved_state import ADDRESSES, ADMINISTRATION, DamagedStateError, SavedState, read_administration


@dataclass(frozen=True, slots=True)
class SavedFile:
    """What the state file of an instance had when it was read, and why it cannot be used (``fault``), "" if it can."""

    instance: Instance
    state: SavedState
    fault: str = ""

    def entries(self, now: float) -> tuple[Entries, tuple[str, ...]]:
        """Return the entries that a start at this time since the epoch would read, and what is wrong with the file."""
        entries: Entries = {}
        faults: tuple[str, ...] = (self.fault,) if self.fault else ()
        section = self.state.sections.get(ADMINISTRATION)
        if section is not None:
            entries, faults = read_administration(section)
        held = by_identity(entry for entry in entries.values() if not is_over(entry, now))
        return held, tuple(f"State file {self.instance.state_file}: {fault}" for fault in faults)

    @property
    def hosts(self) -> Hosts:
        """The last addresses of host names; none if the file cannot be used, which the daemon itself reports."""
        section = self.state.sections.get(ADDRESSES)
        return {} if section is None else read_addresses(section)[0]


def read_saved_file(instance: Instance) -> SavedFile:
    """Read the state file of an instance, once for all that a command needs of it."""
    try:
        return SavedFile(instance, read_file(instance.state_file, instance.name))
    except DamagedStateError as fault:
        return SavedFile(instance, SavedState(), str(fault))
    except OSError as error:
        return SavedFile(instance, SavedState(), f"it cannot be read: {error_text(error)}")
