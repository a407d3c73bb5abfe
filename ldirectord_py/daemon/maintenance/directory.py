"""``maintenancedir``: a file in a directory takes a server out of use, within a second."""

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
from ldirectord_py.maintenance_names import Names, in_maintenance, index
from ldirectord_py.runtime.incidents import OngoingFault
from ldirectord_py.runtime.threads import run_in_daemon_thread

logger = logging.getLogger(__name__)

LOOK_EVERY: Final = 0.5
LIST_SECONDS: Final = 1.0
"""Seconds that a listing may take; one that takes longer is not waited for."""

NAMES_SECONDS: Final = 2.0
"""Seconds that the names of servers may take at the start; later ones count when they come."""

Keys = frozenset[DestinationKey]


class MaintenanceDirectory:
    """Tells the director which real servers are in maintenance.

    Its state: what all names stood for when last asked, which directories are being listed, and what is wrong with
    the one in force. While that cannot be listed, everything stays as it was.
    """

    def __init__(self, director: Director, files: Callable[[str], Sequence[str]] = os.listdir) -> None:
        self.names = ReverseNames(self._addresses)
        self._director = director
        self._files = files
        self._meant: tuple[CompiledConfig, Names, Mapping[str, Sequence[DestinationKey]]] | None = None
        self._listing: set[str] = set()
        self._fault = OngoingFault()

    async def run(self) -> NoReturn:
        """Look into the directory for ever."""
        while True:
            await asyncio.sleep(LOOK_EVERY)
            try:
                await self.look()
            except Exception:  # a fault of ours must not end the daemon
                logger.exception("Looking into the maintenance directory failed")

    async def begin(self) -> None:
        """Look once, with the names that are found soon."""
        with suppress(TimeoutError):
            async with asyncio.timeout(NAMES_SECONDS):
                await self.names.look_up()
        await self.look()

    async def look(self) -> None:
        """Look into the directory once, and tell the director."""
        compiled = self._director.compiled
        keys = await self._keys(compiled)
        if keys is not None and self._director.compiled is compiled:
            self._director.maintain(keys)

    async def prepare(self, compiled: CompiledConfig) -> None:
        """Tell the director which servers of orders to come are in maintenance, before they come into force."""
        self._director.maintain((await self._keys(compiled) or frozenset()) | self._director.maintained)

    def _addresses(self) -> frozenset[Address]:
        """Return the addresses whose names matter."""
        compiled = self._director.compiled
        if compiled.config.settings.maintenancedir is None:
            return frozenset()
        return frozenset(real.key.address for real in compiled.reals())

    async def _keys(self, compiled: CompiledConfig) -> Keys | None:
        """Return which of these servers are in maintenance; None where the directory cannot be listed now."""
        directory = compiled.config.settings.maintenancedir
        if directory is None:
            return frozenset()
        if directory in self._listing:
            return None
        self._listing.add(directory)
        keys, trouble = None, ""
        try:
            keys = await run_in_daemon_thread(lambda: self._listed(directory, compiled), LIST_SECONDS)
        except TimeoutError:
            trouble = f"{directory} was not listed within {LIST_SECONDS:g} s; look at its disk"
        except FileNotFoundError:
            keys, trouble = frozenset(), f"{directory} is not there; create it, or leave maintenancedir out"
        except (OSError, RuntimeError) as error:  # RuntimeError: there is no thread left
            self._listing.discard(directory)
            trouble = f"{directory} cannot be listed: {str(getattr(error, 'strerror', None) or error).lower()}"
        self._report(trouble)
        return keys

    def _listed(self, directory: str, compiled: CompiledConfig) -> Keys:
        """Do in a thread what may block or take long; there is but one at a time for each directory."""
        try:
            files, names = self._files(directory), self.names.names
            if self._meant is None or self._meant[0] is not compiled or self._meant[1] is not names:
                reals = ((each.key, each.real) for each in compiled.reals())
                self._meant = compiled, names, index(reals, names)
            return in_maintenance(files, self._meant[2])
        finally:
            self._listing.discard(directory)

    def _report(self, trouble: str) -> None:
        """Log what is wrong once, and once that it is over."""
        if trouble:
            if self._fault.record(trouble):
                logger.warning("Maintenance directory %s", trouble)
        elif self._fault.clear():
            logger.info("Maintenance directory can be listed again")
