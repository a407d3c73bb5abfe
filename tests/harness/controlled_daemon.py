"""A daemon on a table in memory that is asked over its control socket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from harness.control import RawClient
from harness.running_daemon import running_daemon
from ldirectord_py.daemon.run import Daemon

WEB = "virtual=192.0.2.1:80\n    real=127.0.0.1:9 masq\n    checktype=on\n"


@asynccontextmanager
async def running(folder: Path, text: str = WEB) -> AsyncIterator[Daemon]:
    """Yield a daemon that is ready, and probes its servers."""
    async with running_daemon(folder, text, probing=True) as place:
        yield place.daemon


async def ask(daemon: Daemon, request: str, **arguments: object) -> Any:
    """Return the answer of a daemon."""
    path = daemon.control.context.identity.instance.socket_file
    client = RawClient(*await asyncio.open_unix_connection(str(path)))
    answer = await client.ask({"request": request, **arguments})
    client.close()
    return answer
