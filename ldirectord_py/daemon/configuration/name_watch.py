"""Following the names of real servers and fallbacks: looked up again, and their new addresses put in force."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, NoReturn

from ldirectord_py.address import Address
from ldirectord_py.config.addresses import HostName
from ldirectord_py.config.load import reparse
from ldirectord_py.config.names import LOOKUP_TIMEOUT, look_up
from ldirectord_py.config.parse import Parsed
from ldirectord_py.daemon.configuration.reload import LOAD_SECONDS, Reloader
from ldirectord_py.daemon.reconciler.compiled_config import CompiledConfig
from ldirectord_py.errors import ConfigError
from ldirectord_py.runtime.garbage import gc_paused
from ldirectord_py.runtime.threads import run_in_daemon_thread

logger = logging.getLogger(__name__)

LOOK_EVERY: Final = 1.0
"""Seconds between two looks at whether the names are due."""

Hosts = Mapping[HostName, Address]


class NameWatch:
    """Looks the names of the configuration in force up once in its ``resolveinterval``, and follows their addresses.

    A name that does not resolve keeps its address; one that never did is tried again and again. Its state: which names
    are failing, what else is wrong, and when the names were last looked up.
    """

    def __init__(self, reloader: Reloader, put_in_force: Callable[[CompiledConfig], Awaitable[None]]) -> None:
        self._reloader = reloader
        self._put_in_force = put_in_force
        self._failing: frozenset[HostName] = frozenset()
        self._trouble = ""

    async def run(self) -> NoReturn:
        """Follow the names for ever."""
        loop = asyncio.get_running_loop()
        last = loop.time()
        while True:
            await asyncio.sleep(LOOK_EVERY)
            interval = self._reloader.loaded.config.settings.resolveinterval
            if interval and loop.time() - last >= interval:
                await self.follow()
                last = loop.time()

    async def follow(self) -> None:
        """Look all names up once, and put the configuration in force that they give now."""
        former, trouble = self._reloader.loaded, ""
        if not former.watched_hosts:
            return
        try:
            hosts = await self._looked_up(former)
            if hosts != former.hosts:
                with gc_paused():
                    loaded, new = await run_in_daemon_thread(lambda: self._meaning(former, hosts), LOAD_SECONDS)
                await self._reloader.amend(former, loaded, lambda: self._moved(former, loaded, new))
        except (ConfigError, TimeoutError, OSError) as error:  # OSError: this host has no thread to spare
            trouble = str(error) or "it took too long"
        except Exception as error:  # a fault of ours must not end the daemon
            logger.exception("Following the host names failed")
            trouble = str(error)
        if trouble and trouble != self._trouble:
            logger.warning("New addresses of host names are not followed: %s", trouble)
        self._trouble = trouble

    async def _looked_up(self, former: Parsed) -> dict[HostName, Address]:
        """Return the addresses of all names: new ones, and the former where there are none."""
        names = await run_in_daemon_thread(
            lambda: look_up(former.watched_hosts, frozenset(), LOOKUP_TIMEOUT, former.hosts),
            LOOKUP_TIMEOUT + LOOK_EVERY,
        )
        self._tell(former.hosts, frozenset(host for host, address in names.hosts.items() if address is None))
        return {**former.hosts, **{host: address for host, address in names.hosts.items() if address is not None}}

    def _tell(self, hosts: Hosts, failing: frozenset[HostName]) -> None:
        """Log once that a name fails, and once that it is over; the load has told of those that never resolved."""
        for host in sorted(failing - self._failing, key=str):
            if host in hosts:
                logger.warning("Host name %s does not resolve now, its address %s is kept", host.name, hosts[host])
        for host in sorted(self._failing - failing, key=str):
            if host in hosts:
                logger.info("Host name %s resolves again", host.name)
        self._failing = failing

    def _meaning(self, former: Parsed, hosts: Hosts) -> tuple[Parsed, CompiledConfig]:
        return self._reloader.understood(reparse(former, hosts))

    async def _moved(self, former: Parsed, loaded: Parsed, new: CompiledConfig) -> None:
        for host, address in loaded.hosts.items():
            before = former.hosts.get(host)
            if address != before:
                was = f"no longer {before}" if before else "which did not resolve before"
                logger.info("Host name %s is %s now, %s", host.name, address, was)
        for warning in loaded.warnings:
            if warning not in former.warnings:
                logger.warning("%s", warning)
        await self._put_in_force(new)
