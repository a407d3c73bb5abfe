"""What the next daemon needs besides drains, in the state file: the addresses of host names, and what servers did."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from functools import partial

from ldirectord_py.config.model import CheckType
from ldirectord_py.daemon.administration.state_file import StateFile
from ldirectord_py.daemon.reconciler.director import Director
from ldirectord_py.ipvs.table import DestinationKey
from ldirectord_py.report.events import ConfigInForce, Event
from ldirectord_py.report.wording import MAX_LISTED
from ldirectord_py.saved_addresses import Hosts, addresses_section, read_addresses
from ldirectord_py.saved_flaps import flaps_section, read_flaps
from ldirectord_py.saved_state import ADDRESSES, FLAPS

logger = logging.getLogger(__name__)


class Continuity:
    """A Listener. ``hosts`` returns the addresses of the configuration in force. Its state: those that are to be saved.

    The sections are made when the file is written, which is seldom, and in its thread.
    """

    def __init__(
        self,
        director: Director,
        state_file: StateFile,
        hosts: Callable[[], Hosts],
        wall: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._director = director
        self._file = state_file
        self._hosts = hosts
        self._wall = wall
        self._monotonic = monotonic
        self._saved: Hosts = {}

    def start(self) -> None:
        """Let servers flap again that did; to be called when the state file was read, before the director starts."""
        flaps = self._director.tracker.flaps
        faults = (*self._read_addresses(), *self._read_flaps())
        self._file.report_left_out(faults)
        self._file.add_source(ADDRESSES, lambda: partial(addresses_section, self._hosts()))
        self._file.add_source(FLAPS, lambda: partial(flaps_section, dict(flaps.histories), self._offset()))
        flaps.on_change = self._file.mark_changed
        if faults:
            self._file.mark_changed()

    def __call__(self, event: Event) -> None:
        """Save the addresses of a configuration if they are others than before."""
        if isinstance(event, ConfigInForce) and (hosts := self._hosts()) != self._saved:
            self._saved = hosts
            self._file.mark_changed()

    def _read_addresses(self) -> tuple[str, ...]:
        """Read the addresses, which the configuration was loaded with; return what is wrong with them."""
        section = self._file.section(ADDRESSES)
        if section is None:
            return ()
        self._saved, faults = read_addresses(section)
        return faults

    def _read_flaps(self) -> tuple[str, ...]:
        """Restore what servers did, and return what is wrong with it."""
        section = self._file.section(FLAPS)
        if section is None:
            return ()
        offset = self._offset()
        found, faults = read_flaps(section, self._wall(), offset)
        servers = self._damped_servers() if found else {}
        restored = {servers[identity]: history for identity, history in found.items() if identity in servers}
        for key, history in restored.items():
            self._director.tracker.flaps.restore(key, history)
        self._log_flapping([key for key, history in restored.items() if history.flapping])
        return faults

    def _offset(self) -> float:
        """Return what is to be added to a time of the monotonic clock for one in seconds since the epoch."""
        return self._wall() - self._monotonic()

    def _damped_servers(self) -> dict[tuple[str, str], DestinationKey]:
        """Return the servers that may flap, by the id of the virtual and their address."""
        reals = self._director.compiled.reals()
        return {
            (real.virtual.id, real.key.endpoint): real.key
            for real in reals
            if real.virtual.flapthreshold is not None
            and real.virtual.checktype is not CheckType.ON
            and real.key not in self._director.maintained
        }

    def _log_flapping(self, keys: list[DestinationKey]) -> None:
        for key in keys[:MAX_LISTED]:
            real = self._director.compiled.real(key)
            logger.info("Real server %s (%s) still flaps, as before the restart", real.real, real.virtual.id)
        if len(keys) > MAX_LISTED:
            logger.info("%d more real servers still flap", len(keys) - MAX_LISTED)
