"""Looks up the host names of real servers and fallbacks again, and puts their new addresses in force."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final, NoReturn

from ldirectord_py.address import Address
from ldirectord_py.config.addresses import HostName
from ldirectord_py.config.load import reparse
from ldirectord_py.config.names import LOOKUP_TIMEOUT, look_up
from ldirectord_py.config.parse import Parsed
from ldirectord_py.daemon.configuration.reload import LOAD_TIMEOUT, Reloader
from ldirectord_py.daemon.reconciler.compiled_config import CompiledConfig
from ldirectord_py.errors import ConfigError
from ldirectord_py.runtime.garbage import gc_paused
from ldirectord_py.runtime.incidents import OngoingFault
from ldirectord_py.runtime.threads import run_in_daemon_thread

logger = logging.getLogger(__name__)

POLL_INTERVAL: Final = 1.0
"""Seconds between two checks whether ``resolveinterval`` has passed."""

RETURN_TIME: Final = 1.0
"""Seconds for the thread to return after the look-ups have timed out."""


class NameWatch:
    """Looks up the names of the configuration in force every ``resolveinterval``, and applies new addresses.

    A name that does not resolve keeps its address. Its state: the names that fail, and why addresses are not applied.
    """

    def __init__(self, reloader: Reloader, put_in_force: Callable[[CompiledConfig], Awaitable[None]]) -> None:
        self._reloader = reloader
        self._put_in_force = put_in_force
        self._failing: frozenset[HostName] = frozenset()
        self._failure = OngoingFault()

    async def run(self) -> NoReturn:
        """Look up the names for ever."""
        loop = asyncio.get_running_loop()
        last = loop.time()
        while True:
            interval = self._reloader.loaded.config.settings.resolveinterval
            await asyncio.sleep(min(POLL_INTERVAL, interval or POLL_INTERVAL))
            interval = self._reloader.loaded.config.settings.resolveinterval
            if interval and loop.time() - last >= interval:
                await self.update()
                last = loop.time()

    async def update(self) -> None:
        """Look up all names once, and put the configuration with their new addresses in force."""
        former, failure = self._reloader.loaded, ""
        if not former.watched_hosts:
            return
        try:
            await self._apply(former, await self._look_up(former))
        except (ConfigError, TimeoutError, OSError) as error:  # OSError: this host cannot start a thread
            failure = str(error) or "it took too long"
        except Exception as error:  # a fault of ours must not end the daemon
            logger.exception("Looking up the host names again failed")
            failure = str(error)
        if not failure:
            self._failure.clear()
        elif self._failure.record(failure):
            logger.warning("New addresses of host names are not applied: %s", failure)

    async def _look_up(self, former: Parsed) -> dict[HostName, Address]:
        """Return the addresses of all names; a name that does not resolve has its former address, if any."""
        names = await run_in_daemon_thread(
            lambda: look_up(former.watched_hosts, frozenset(), LOOKUP_TIMEOUT, former.hosts),
            LOOKUP_TIMEOUT + RETURN_TIME,
        )
        self._log_failing(former, frozenset(host for host, address in names.hosts.items() if address is None))
        return {**former.hosts, **{host: address for host, address in names.hosts.items() if address is not None}}

    def _log_failing(self, former: Parsed, failing: frozenset[HostName]) -> None:
        """Log once that a name fails, and once that it resolves again; names without an address are logged on load."""
        for host in sorted(failing - self._failing, key=str):
            if host in former.hosts:
                address = former.hosts[host]
                logger.warning("Host name %s does not resolve now, its address %s is kept", host.name, address)
        for host in sorted(self._failing - failing, key=str):
            if host in former.hosts:
                logger.info("Host name %s resolves again", host.name)
        self._failing = failing

    async def _apply(self, former: Parsed, hosts: dict[HostName, Address]) -> None:
        if hosts == former.hosts:
            return
        with gc_paused():
            loaded, compiled = await run_in_daemon_thread(
                lambda: self._reloader.compile(reparse(former, hosts)), LOAD_TIMEOUT
            )

        async def put_in_force() -> None:
            _log_changes(former, loaded)
            await self._put_in_force(compiled)

        await self._reloader.replace_loaded(former, loaded, put_in_force)


def _log_changes(former: Parsed, loaded: Parsed) -> None:
    """Log each new address, and each new warning."""
    for host, address in loaded.hosts.items():
        before = former.hosts.get(host)
        if address != before:
            previously = f"no longer {before}" if before else "which did not resolve before"
            logger.info("Host name %s is %s now, %s", host.name, address, previously)
    for warning in loaded.warnings:
        if warning not in former.warnings:
            logger.warning("%s", warning)
