"""The HTTP protocol of a connection: aiohttp's, whose own answers get the headers of ours."""

from __future__ import annotations

import asyncio
from typing import Any, Final, cast

from aiohttp import web

from ldirectord_py.web.headers import add_headers
from ldirectord_py.web.limits import KEEPALIVE_TIMEOUT

LINGER_TIMEOUT: Final = 1.0
"""Seconds for the rest of a request that was answered already."""


class RequestHandler(web.RequestHandler):
    """Reads the requests of a connection, and answers to what is no request."""

    def __init__(self, server: web.Server, *, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(
            server,
            loop=loop,
            access_log=cast("Any", None),
            keepalive_timeout=KEEPALIVE_TIMEOUT,
            lingering_time=LINGER_TIMEOUT,
        )

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Return the answer to bytes that are no request, without repeating or logging them; else aiohttp's."""
        if 400 <= status < 500 and not request.writer.output_size:
            response: web.StreamResponse = web.Response(text="this is no request of HTTP\n", status=status)
            response.force_close()
        else:
            response = super().handle_error(request, status, exc, message)
        add_headers(response.headers)
        return response
