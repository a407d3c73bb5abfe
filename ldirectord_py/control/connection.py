"""One client of the control socket: reads its requests, and writes the answers, within limits."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing, nullcontext
from dataclasses import dataclass, field
from typing import Any, Final

from ldirectord_py.control.protocol import (
    MAX_REQUEST_LENGTH,
    Answer,
    Code,
    ControlRequest,
    RequestError,
    answer_fields,
    decode_request,
    error_fields,
)
from ldirectord_py.control.rights import Peer, Right
from ldirectord_py.control.writing import AnswerWriter
from ldirectord_py.runtime.text import error_text

logger = logging.getLogger(__name__)

MAX_IN_FLIGHT: Final = 8
"""Requests of a client that have not been answered; streams count while they last."""

REQUEST_TIMEOUT: Final = 5.0
"""Seconds from the first byte of a request to its line end."""

IDLE_TIMEOUT: Final = 60.0
"""Seconds without a request and without one that is being answered, after which a client is disconnected."""

HANDLE_TIMEOUT: Final = 90.0
"""Seconds until an answer begins, at most."""

Stream = AsyncGenerator[Answer, None]
Handler = Callable[[ControlRequest], Awaitable[Answer | Stream]]
"""Returns the answer to a request, or a stream of answers; raises RequestError."""


@dataclass(frozen=True, slots=True)
class RequestRoute:
    """A request: the right that it needs, its arguments, and what returns its answer or answers."""

    right: Right
    arguments: frozenset[str]
    handle: Handler


@dataclass(frozen=True, slots=True)
class Services:
    """What all connections share: the requests, the fields of every answer, and who has which right now.

    Only one connection at a time encodes a part of an answer (``encoding``).
    """

    routes: Mapping[str, RequestRoute]
    common_fields: Callable[[], dict[str, object]]
    allows: Callable[[Peer, Right], bool]
    encoding: asyncio.Lock = field(default_factory=asyncio.Lock)


class ClientConnection:
    """Serves one client. Its state: what was read, the requests in flight, and those of them that are streams."""

    def __init__(self, connected: socket.socket, peer: Peer, services: Services) -> None:
        self.peer = peer
        self._socket = connected
        self._services = services
        self._loop = asyncio.get_running_loop()
        self._unread = bytearray()
        self._in_flight: set[asyncio.Task[None]] = set()
        self._streams: set[asyncio.Task[Any] | None] = set()
        self._looking = asyncio.Lock()  # a long answer holds what it is made of until the client has read it

    async def serve(self) -> None:
        """Answer requests until the client closes the connection or breaks a limit."""
        try:
            self._reader, self._writer = await asyncio.open_unix_connection(sock=self._socket, limit=MAX_REQUEST_LENGTH)
        except OSError:
            self._socket.close()
            return
        self._answers = AnswerWriter(self._writer, self._services.encoding)
        try:
            try:
                while line := await self._read_line():
                    await self._begin(line)
                    await asyncio.sleep(0)  # a flood of requests takes its turns
            except RequestError as error:  # the connection cannot go on after it
                await self._send_error(None, error)
            else:
                await self._finish()
        except (OSError, TimeoutError):
            pass
        finally:
            self._close()

    async def _read_line(self) -> bytes:
        """Return the next line, b"" at the end; raises RequestError beyond a limit, TimeoutError when idle."""
        began = self._loop.time()
        while (end := self._unread.find(b"\n")) < 0:
            if len(self._unread) >= MAX_REQUEST_LENGTH:
                raise RequestError(Code.BAD_REQUEST, f"a request has {MAX_REQUEST_LENGTH} bytes at most")
            if not (data := await self._read_some(began)):
                end = len(self._unread)
                break
            if not self._unread:
                began = self._loop.time()
            self._unread += data
        line = bytes(self._unread[: end + 1])
        del self._unread[: end + 1]
        return line

    async def _read_some(self, began: float) -> bytes:
        """Return more data, b"" at the end."""
        while True:
            timeout = began + REQUEST_TIMEOUT - self._loop.time() if self._unread else IDLE_TIMEOUT
            try:
                async with asyncio.timeout(timeout):
                    return await self._reader.read(MAX_REQUEST_LENGTH)
            except TimeoutError:
                if self._unread:
                    message = f"a request has to be complete within {REQUEST_TIMEOUT:g} s"
                    raise RequestError(Code.TIMEOUT, message) from None
                if not self._in_flight:
                    raise

    async def _begin(self, line: bytes) -> None:
        """Begin to answer a request, or refuse it."""
        if not line.strip():
            return
        number = None
        try:
            request = decode_request(line, self.peer)
            number = request.id
            route = self._route(request)
        except RequestError as error:
            await self._send_error(error.details.pop("id", number), error)
            return
        task = self._loop.create_task(self._answer(request, route))
        self._in_flight.add(task)
        task.add_done_callback(self._in_flight.discard)

    def _route(self, request: ControlRequest) -> RequestRoute:
        if len(self._in_flight) >= MAX_IN_FLIGHT:
            raise RequestError(Code.BUSY, f"{MAX_IN_FLIGHT} requests are in flight; wait for an answer")
        if (route := self._services.routes.get(request.name)) is None:
            known = ", ".join(sorted(self._services.routes))
            raise RequestError(Code.UNKNOWN_REQUEST, f"there is no request {request.name[:40]}; there are: {known}")
        if not self._services.allows(self.peer, route.right):
            message = "this needs root or a member of controlgroup" if route.right is Right.STEER else "not permitted"
            raise RequestError(Code.FORBIDDEN, message)
        if unknown := request.arguments.keys() - route.arguments:
            raise RequestError(Code.BAD_REQUEST, f"{request.name} has no argument {min(unknown)[:40]}")
        return route

    async def _answer(self, request: ControlRequest, route: RequestRoute) -> None:
        """Send the answer or answers; the connection is lost if they cannot be sent."""
        try:
            try:
                async with self._looking if route.right is Right.LOOK else nullcontext():
                    answer = await self._handle(request, route)
                    if not isinstance(answer, AsyncGenerator):
                        fields = self._services.common_fields() | dict(answer)
                        await self._answers.send(answer_fields(request.id, fields))
                        return
                await self._send_stream(request.id, answer)
            except RequestError as error:
                await self._send_error(request.id, error)
            except (OSError, TimeoutError):
                raise
            except Exception:  # a fault of ours must not end the daemon
                logger.exception("The request %s failed", request.name)
                await self._send_error(request.id, RequestError(Code.INTERNAL, "a fault of the daemon; see its log"))
        except (OSError, TimeoutError):
            self._writer.transport.abort()

    async def _handle(self, request: ControlRequest, route: RequestRoute) -> Answer | Stream:
        """Return the answer; raises RequestError if the handler fails, so that the client learns of it."""
        try:
            async with asyncio.timeout(HANDLE_TIMEOUT):
                return await route.handle(request)
        except TimeoutError:
            raise RequestError(Code.TIMEOUT, f"{request.name} was not done in time") from None
        except OSError as error:
            logger.exception("The request %s failed", request.name)
            raise RequestError(Code.INTERNAL, f"this host does not permit it: {error_text(error)}") from None

    async def _send_stream(self, number: int | str | None, answers: Stream) -> None:
        """Send each answer as soon as it is there, then one without ``more``."""
        self._streams.add(task := asyncio.current_task())
        try:
            async with aclosing(answers):
                async for answer in answers:
                    fields = self._services.common_fields() | dict(answer)
                    await self._answers.send(answer_fields(number, fields, more=True))
            await self._answers.send(answer_fields(number, self._services.common_fields()))
        finally:
            self._streams.discard(task)

    async def _send_error(self, number: object, error: RequestError) -> None:
        known = number if isinstance(number, int | str) else None
        await self._answers.send(error_fields(known, error, self._services.common_fields()))

    async def _finish(self) -> None:
        """Answer what is in flight: the client sends nothing more, but may read. Streams end."""
        for task in self._in_flight & self._streams:
            task.cancel()
        await asyncio.gather(*self._in_flight, return_exceptions=True)
        await self._answers.close()

    def _close(self) -> None:
        for task in self._in_flight:
            task.cancel()
        self._writer.transport.abort()
