"""A whole daemon on a kernel in memory, and requests over its control socket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

from harness.control import RawClient
from ldirectord_py.checks.base import Result
from ldirectord_py.config.load import load
from ldirectord_py.daemon import run
from ldirectord_py.daemon.control.feed import server_feed
from ldirectord_py.daemon.run import Daemon
from ldirectord_py.instance.identity import Identity
from ldirectord_py.instance.pid_file import Instance
from ldirectord_py.instance.sd_notify import SdNotify
from ldirectord_py.ipvs.kernel import MemoryKernel


class RunningDaemon:
    """A daemon that is ready, its kernel, and its clients."""

    def __init__(self, daemon: Daemon, kernel: MemoryKernel) -> None:
        self.daemon = daemon
        self.kernel = kernel
        self._clients: list[RawClient] = []

    async def connect(self) -> RawClient:
        """Return a connection to the control socket."""
        path = self.daemon.control.context.identity.instance.socket_file
        client = RawClient(*await asyncio.open_unix_connection(str(path), limit=1 << 26))
        self._clients.append(client)
        return client

    async def ask(self, request: str, **arguments: object) -> Any:
        """Return the answer to a request."""
        return await (await self.connect()).ask({"request": request, **arguments})

    async def observe(self, result: Result, *addresses: str) -> None:
        """Pass the result of every check of these addresses (of all, without any) to the director, and reconcile."""
        director = self.daemon.director
        for check in director.compiled.plan:
            if not addresses or str(check.target.address) in addresses:
                director.observe(check, result)
        await director.reconcile()

    def close(self) -> None:
        """Close all connections."""
        for client in self._clients:
            client.close()


@asynccontextmanager
async def running_daemon(folder: Path, text: str, *, probing: bool = False) -> AsyncIterator[RunningDaemon]:
    """Yield a daemon with this configuration, which probes nothing by itself unless ``probing``."""
    path, kernel = folder / "web.cf", MemoryKernel()
    path.write_text(text)
    daemon = Daemon(Identity(path, Instance("web.cf", folder), "1.2.3"), load(path), SdNotify(), kernel)
    if not probing:
        daemon.probes.set_config = lambda compiled: None  # type: ignore[method-assign]
    ready = asyncio.Event()
    # or it goes through the objects of all tests
    with patch.object(run, "freeze_survivors"), patch.object(server_feed, "freeze_survivors"):
        task = asyncio.create_task(daemon.run(ready.set))
        place = RunningDaemon(daemon, kernel)
        try:
            await asyncio.wait_for(ready.wait(), 10)
            yield place
        finally:
            place.close()
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await daemon.close()
