"""A daemon on a table in memory that is asked over its control socket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

from harness.control import RawClient
from ldirectord_py.config.load import load
from ldirectord_py.daemon import run
from ldirectord_py.daemon.run import Daemon
from ldirectord_py.instance.identity import Identity
from ldirectord_py.instance.pid_file import Instance
from ldirectord_py.instance.sd_notify import SdNotify
from ldirectord_py.ipvs.kernel import MemoryKernel

WEB = "virtual=192.0.2.1:80\n    real=127.0.0.1:9 masq\n    checktype=on\n"


@asynccontextmanager
async def running(folder: Path, text: str = WEB) -> AsyncIterator[Daemon]:
    """Yield a daemon that is ready."""
    path = folder / "web.cf"
    path.write_text(text)
    daemon = Daemon(Identity(path, Instance("web.cf", folder), "1.2.3"), load(path), SdNotify(), MemoryKernel())
    ready = asyncio.Event()
    with patch.object(run, "freeze_survivors"):  # or it goes through the objects of all tests
        task = asyncio.create_task(daemon.run(ready.set))
        try:
            await asyncio.wait_for(ready.wait(), 10)
            yield daemon
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await daemon.close()


async def ask(daemon: Daemon, request: str, **arguments: object) -> Any:
    """Return the answer of a daemon."""
    path = daemon.control.context.identity.instance.socket_file
    client = RawClient(*await asyncio.open_unix_connection(str(path)))
    answer = await client.ask({"request": request, **arguments})
    client.close()
    return answer
