"""Drains and disables servers for operators, keeps that over reloads and restarts, ends it when its time is over."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Iterable
from typing import Final, NoReturn

from ldirectord_py.administration import (
    MAX_ENTRIES,
    AdministrativeEntry,
    AdministrativeState,
    Decision,
    Entries,
    by_identity,
    entry_of,
    follow,
    is_over,
)
from ldirectord_py.compiled_real import CompiledReal
from ldirectord_py.daemon.administration.state_file import StateFile
from ldirectord_py.daemon.reconciler.director import Director
from ldirectord_py.errors import LdirectordError
from ldirectord_py.report.events import ConfigInForce, Event
from ldirectord_py.report.wording import MAX_LISTED
from ldirectord_py.report.wording import administrative_text as text
from ldirectord_py.runtime.waiting import repeat
from ldirectord_py.saved_state import ADMINISTRATION, administration_section, read_administration

logger = logging.getLogger(__name__)

EXPIRY_INTERVAL: Final = 1.0
"""Seconds between two looks at the wall clock, which may jump."""


class TooManyEntriesError(LdirectordError):
    """More than MAX_ENTRIES servers would be drained or disabled."""


class Administrator:
    """A Listener. Its state is the director's entries and the state file."""

    def __init__(self, director: Director, state_file: StateFile, clock: Callable[[], float] = time.time) -> None:
        self.state_file = state_file
        self._director = director
        self._clock = clock

    async def start(self) -> None:
        """Read the state file before the first rows are written; what is over already is dropped."""
        await self.state_file.read()
        section = self.state_file.section(ADMINISTRATION)
        entries, faults = ({}, ()) if section is None else read_administration(section)
        await self.state_file.report_section(faults)
        self._director.set_administration(entries)
        self._end_what_is_over()
        self._log_kept()

    def __call__(self, event: Event) -> None:
        """Follow servers to their new addresses and names."""
        if isinstance(event, ConfigInForce):
            self._set(follow(self._director.entries, event.config.virtuals, self._clock()))

    def administer(self, servers: Iterable[CompiledReal], state: AdministrativeState, decision: Decision) -> None:
        """Put servers into a state; raises TooManyEntriesError."""
        entries = dict(self._director.entries)
        for server in servers:
            former = self._director.administered.get(server.key)
            if former is not None:
                entries.pop(former.identity, None)
            if state is not AdministrativeState.READY:
                entry = entry_of(server.virtual, server.real, state, decision)
                entries[entry.identity] = entry
        if len(entries) > MAX_ENTRIES:
            raise TooManyEntriesError(f"no more than {MAX_ENTRIES} servers can be drained or disabled")
        self._set(entries, decision)

    @property
    def left(self) -> list[AdministrativeEntry]:
        """The entries of servers that the configuration does not have, or of which it has only a name now."""
        present = {entry.identity for entry in self._director.administered.values()}
        return [entry for entry in self._director.entries.values() if entry.identity not in present]

    def remove_entries(self, entries: Collection[AdministrativeEntry], by: Decision) -> None:
        """Remove entries of servers that have ``left``."""
        for entry in entries:
            logger.info("Real server %s is ready again, by %s, it was %s", _name(entry), by.who, text(entry))
        ended = {entry.identity for entry in entries}
        self._set(by_identity(entry for entry in self._director.entries.values() if entry.identity not in ended))

    async def run(self) -> NoReturn:
        """End what is over, for ever."""
        await repeat(self._end_what_is_over, EXPIRY_INTERVAL, "Ending the time of drained servers failed")

    async def close(self, seconds: float) -> None:
        """Write what has not been written yet."""
        await self.state_file.write(seconds)

    def _log_kept(self) -> None:
        entries = list(self._director.entries.values())
        for entry in entries[:MAX_LISTED]:
            logger.info("Real server %s stays %s", _name(entry), text(entry))
        if len(entries) > MAX_LISTED:
            logger.info("%d more real servers stay drained or disabled", len(entries) - MAX_LISTED)

    def _end_what_is_over(self) -> None:
        now, entries = self._clock(), self._director.entries
        over = [entry for entry in entries.values() if is_over(entry, now)]
        if not over:
            return
        published = self._published()
        for entry in over:
            if entry.identity not in published:
                logger.info("Real server %s is ready again, its time is over, it was %s", _name(entry), text(entry))
        self._set(by_identity(entry for entry in entries.values() if not is_over(entry, now)))

    def _published(self) -> set[tuple[str, str]]:
        """Return the identities of the entries whose end the director publishes."""
        director = self._director
        return {entry.identity for key, entry in director.administered.items() if key in director.health}

    def _set(self, entries: Entries, by: Decision | None = None) -> None:
        if entries != self._director.entries:
            self._director.set_administration(entries, by)
            self.state_file.set_section(ADMINISTRATION, administration_section(entries))


def _name(entry: AdministrativeEntry) -> str:
    return f"{entry.name or entry.real} ({entry.virtual})"
