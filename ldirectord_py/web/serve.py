"""Serving the page until the daemon ends the connection."""

from __future__ import annotations

import asyncio
import socket
from functools import partial
from typing import cast

import uvloop
from aiohttp import web

from ldirectord_py.runtime import signals
from ldirectord_py.web.app import application
from ldirectord_py.web.connection import DaemonConnection
from ldirectord_py.web.feed import Feed
from ldirectord_py.web.keys import LIMITS
from ldirectord_py.web.limits import MAX_CONNECTIONS, ConnectionLimits
from ldirectord_py.web.request_handler import RequestHandler


async def serve(daemon: socket.socket, listening: socket.socket) -> None:
    """Serve at a socket what the daemon says, until it closes its end."""
    loop = asyncio.get_running_loop()
    for number in signals.HANDLED:
        loop.add_signal_handler(number, lambda: None)
    signals.unblock()
    feed = Feed()
    runner = web.AppRunner(app := application(feed), handler_cancellation=True, shutdown_timeout=0.1)
    connection = await DaemonConnection.over(daemon)
    await runner.setup()
    limits = ConnectionLimits(partial(RequestHandler, cast("web.Server", runner.server), loop=loop))
    app[LIMITS].append(limits)
    server = await loop.create_server(limits, sock=listening, backlog=MAX_CONNECTIONS)
    try:
        await feed.run(connection)
    except (OSError, EOFError):
        pass  # the daemon has ended
    finally:
        connection.close()
        server.close()
        await runner.cleanup()
        signals.block()


def run(daemon: socket.socket, listening: socket.socket) -> None:
    """Run ``serve``."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(daemon, listening))
