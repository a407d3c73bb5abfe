"""The application: its routes, and what every answer has in common."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from aiohttp import web

from ldirectord_py.web import api
from ldirectord_py.web.feed import Feed
from ldirectord_py.web.headers import add_headers
from ldirectord_py.web.keys import FEED, LIMITS, MESSAGES, METRICS, PAGE, SHOWN, STREAMS
from ldirectord_py.web.metrics import METRICS_TYPE, Metrics
from ldirectord_py.web.packed import LastPacked, send_packed
from ldirectord_py.web.page import FOLDER, Page
from ldirectord_py.web.stream import stream
from ldirectord_py.web.stream_messages import StreamMessages

logger = logging.getLogger(__name__)

_TYPES: Final = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def application(feed: Feed) -> web.Application:
    """Return the application that shows a feed."""
    app = web.Application(middlewares=[_guard], client_max_size=1)
    app[FEED], app[PAGE], app[STREAMS], app[LIMITS] = feed, Page(feed), set(), []
    app[METRICS], app[SHOWN], app[MESSAGES] = Metrics(feed), LastPacked(), StreamMessages(feed)
    app.on_response_prepare.append(_add_headers)
    app.add_routes(
        [
            web.get("/", _page),
            web.get("/api/show", api.show),
            web.get("/api/events", api.events),
            web.get("/api/stream", stream, allow_head=False),
            web.get("/metrics", _metrics),
            web.get("/healthz", api.healthz),
            web.get("/readyz", api.readyz),
            *(web.get(f"/{file.name}", _file(file)) for file in sorted((FOLDER / "static").iterdir())),
        ]
    )
    return app


async def _page(request: web.Request) -> web.StreamResponse:
    return await send_packed(request, [await request.app[PAGE].html()], "text/html; charset=utf-8")


async def _metrics(request: web.Request) -> web.StreamResponse:
    return await send_packed(request, await request.app[METRICS].parts(), METRICS_TYPE)


def _file(path: Path) -> Handler:
    body, kind = path.read_bytes(), _TYPES[path.suffix]

    async def handle(_: web.Request) -> web.Response:
        return web.Response(body=body, content_type=kind, charset="utf-8")

    return handle


@web.middleware
async def _guard(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Give the connection its deadline, and answer 500 to a fault without saying more."""
    for limits in request.app[LIMITS]:
        limits.request_began(request.transport)
    try:
        return await handler(request)
    except web.HTTPException:
        raise
    except Exception:
        logger.exception("A fault in the answer to %s", request.path)
        return web.Response(text="a fault of this program, which its log describes\n", status=500)


async def _add_headers(_: web.Request, response: web.StreamResponse) -> None:
    add_headers(response.headers)
