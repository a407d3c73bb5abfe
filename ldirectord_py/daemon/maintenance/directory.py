"""``maintenancedir``: a file in the directory takes a server out of service within a second."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Final, NoReturn

from ldirectord_py.address import Address
from ldirectord_py.daemon.maintenance.reverse_names import ReverseNames
from ldirectord_py.daemon.reconciler.compiled_config import CompiledConfig
from ldirectord_py.daemon.reconciler.director import Director
from ldirectord_py.ipvs.table import DestinationKey
from ldirectord_py.maintenance_names import Names, in_maintenance, index_servers
from ldirectord_py.runtime.incidents import OngoingFault
from ldirectord_py.runtime.text import error_text
from ldirectord_py.runtime.threads import run_in_daemon_thread
from ldirectord_py.runtime.waiting import repeat

logger = logging.getLogger(__name__)

LIST_INTERVAL: Final = 0.5
"""Seconds between two listings of the directory."""

LIST_TIMEOUT: Final = 1.0
"""Seconds for one listing."""

STARTUP_LOOKUP_TIMEOUT: Final = 2.0
"""Seconds for the names of servers at the start; names that are found later apply from then on."""

Keys = frozenset[DestinationKey]


class MaintenanceDirectory:
    """Passes the real servers that are in maintenance to the director.

    Its state: an index of all names of servers, the directories that are being listed, and why the one in force cannot
    be listed; the servers in maintenance stay the same then.
    """

    def __init__(self, director: Director, list_files: Callable[[str], Sequence[str]] = os.listdir) -> None:
        self.names = ReverseNames(self._addresses)
        self._director = director
        self._list_files = list_files
        self._indexed: tuple[CompiledConfig, Names, Mapping[str, Sequence[DestinationKey]]] | None = None
        self._listing: set[str] = set()
        self._fault = OngoingFault()

    async def start(self) -> None:
        """List the directory for the first time, after waiting a moment for the names of servers."""
        with suppress(TimeoutError):
            async with asyncio.timeout(STARTUP_LOOKUP_TIMEOUT):
                await self.names.look_up()
        await self.update()

    async def run(self) -> NoReturn:
        """Update the servers in maintenance for ever."""
        await repeat(self.update, LIST_INTERVAL, "Looking into the maintenance directory failed")

    async def update(self) -> None:
        """List the directory once, and pass the servers in maintenance to the director."""
        compiled = self._director.compiled
        keys = await self._find(compiled)
        if keys is not None and self._director.compiled is compiled:
            self._director.set_maintenance(keys)

    async def prepare(self, compiled: CompiledConfig) -> None:
        """Add the servers of a new configuration that are in maintenance, before it comes into force."""
        self._director.set_maintenance((await self._find(compiled) or frozenset()) | self._director.maintained)

    def _addresses(self) -> frozenset[Address]:
        """Return the addresses whose names are needed."""
        compiled = self._director.compiled
        if compiled.config.settings.maintenancedir is None:
            return frozenset()
        return frozenset(real.key.address for real in compiled.reals())

    async def _find(self, compiled: CompiledConfig) -> Keys | None:
        """Return the servers of a configuration that are in maintenance; None if the directory cannot be listed now."""
        directory = compiled.config.settings.maintenancedir
        if directory is None:
            return frozenset()
        if directory in self._listing:
            return None
        self._listing.add(directory)
        keys, fault = None, ""
        try:
            keys = await run_in_daemon_thread(lambda: self._find_in_thread(directory, compiled), LIST_TIMEOUT)
        except TimeoutError:
            fault = f"{directory} was not listed within {LIST_TIMEOUT:g} s; look at its disk"
        except FileNotFoundError:
            keys, fault = frozenset(), f"{directory} is not there; create it, or leave maintenancedir out"
        except (OSError, RuntimeError) as error:  # RuntimeError: no thread can be started
            self._listing.discard(directory)
            fault = f"{directory} cannot be listed: {error_text(error).lower()}"
        self._log(fault)
        return keys

    def _find_in_thread(self, directory: str, compiled: CompiledConfig) -> Keys:
        """List the directory and match its files; only one such call runs for each directory."""
        try:
            files, names = self._list_files(directory), self.names.names
            if self._indexed is None or self._indexed[0] is not compiled or self._indexed[1] is not names:
                reals = ((each.key, each.real) for each in compiled.reals())
                self._indexed = compiled, names, index_servers(reals, names)
            return in_maintenance(files, self._indexed[2])
        finally:
            self._listing.discard(directory)

    def _log(self, fault: str) -> None:
        """Log a new fault once, and once that it is over."""
        if fault:
            if self._fault.record(fault):
                logger.warning("Maintenance directory %s", fault)
        elif self._fault.clear():
            logger.info("Maintenance directory can be listed again")
