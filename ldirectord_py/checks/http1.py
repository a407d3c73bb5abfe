"""The HTTP probe: one connection, one prepared request, one answer, as little else as possible."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import cast

from ldirectord_py.checks.answer import Answer
from ldirectord_py.checks.base import Target
from ldirectord_py.checks.pattern import Pattern, compiled
from ldirectord_py.checks.phase import NOT_CONNECTED, reached
from ldirectord_py.checks.reasons import excerpt
from ldirectord_py.checks.request import Request, redirected
from ldirectord_py.checks.search import search
from ldirectord_py.checks.statuses import statuses
from ldirectord_py.checks.tls import Tls
from ldirectord_py.errors import CheckFailed

REDIRECTS = 7
"""How many redirects are followed, as in the original."""

USES = frozenset({"request", "receive", "httpmethod", "expectstatus", "followredirects", "tlsverify", "tlsca"})
"""The fields of a Target that ``ask`` and its requests use for every kind."""

_REDIRECTING = frozenset({301, 302, 303, 307, 308})

# One buffer for all connections: the loop fills it and hands it over in one step, without a wait between.
_BUFFER = bytearray(16384)
_VIEW = memoryview(_BUFFER)


async def ask(request: Request, target: Target) -> str:
    """Return the status line of the answer; raises CheckFailed unless it is as ``target`` wants it.

    Redirects are followed, unless the target does not want that or expects their very status.
    """
    pattern = compiled(target.receive) if target.receive else None
    wanted = statuses(target.expectstatus)
    for hop in range(REDIRECTS + 1):
        answer, found = await _fetch(request, pattern, wanted, " after a redirect" if hop else "")
        if answer.code not in _REDIRECTING or answer.location is None or answer.success or not target.followredirects:
            break
        request = redirected(request, answer.location)
    else:
        raise CheckFailed(f"more than {REDIRECTS} redirects")
    if not answer.success:
        raise CheckFailed(f"status {answer.status}{target.expectstatus and f', not {target.expectstatus}'}")
    if not found:
        raise CheckFailed(f"receive /{target.receive}/ not in {answer.size} bytes: {excerpt(answer.body)}")
    return answer.status


async def _fetch(request: Request, pattern: Pattern | None, wanted: Collection[int], when: str) -> tuple[Answer, bool]:
    """Return the whole answer, and whether the pattern was found in it; ``when`` ends the phase reached."""
    loop = asyncio.get_running_loop()
    exchange = Exchange(loop, request, Answer(request.method, wanted, kept=pattern is not None))
    try:
        await loop.create_connection(lambda: exchange, request.host, request.port)
        found = await exchange.read(pattern)
    except BaseException:
        reached(exchange.progress() + when)
        raise
    finally:
        exchange.close()
    return exchange.answer, found


class Exchange(asyncio.BufferedProtocol):
    """A request and its answer on a connection of their own; ``_error`` is what ended it before its time."""

    __slots__ = ("_error", "_head", "_loop", "_tls", "_transport", "_waiter", "answer")

    def __init__(self, loop: asyncio.AbstractEventLoop, request: Request, answer: Answer) -> None:
        self._loop = loop
        self._head = request.head
        self._tls = Tls(request.tls) if request.tls else None
        self._transport: asyncio.Transport | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._error: Exception | None = None
        self.answer = answer

    async def read(self, pattern: Pattern | None) -> bool:
        """Return whether the pattern is in the body, once the answer is complete."""
        answer, found = self.answer, pattern is None
        while True:
            await self._news()
            if pattern and not found and answer.success:
                found = await self._found(pattern)
            if answer.done:
                return found
            answer.kept = not found
            answer.drop()
            if self._transport is not None:
                self._transport.resume_reading()

    def progress(self) -> str:
        """Return how far the exchange has come, in words."""
        if self._transport is None:
            return NOT_CONNECTED
        if self._tls and not self._tls.established:
            return "connected, TLS handshake not done"
        return self.answer.progress()

    def close(self) -> None:
        """Close the connection without a wait, and break the circles of references."""
        self.answer.release()
        self._error = None
        if self._transport is not None:
            self._transport.abort()
            self._transport = None

    async def _found(self, pattern: Pattern) -> bool:
        """Return whether the pattern is in the window, short of an end that is not the body's."""
        answer = self.answer
        span = await search(pattern, answer.body, 1 if answer.dropped else 0)
        return span is not None and (answer.done or span[1] < len(answer.body))

    async def _news(self) -> None:
        """Wait for the end of the answer, or for a full window."""
        if not (self.answer.done or self.answer.full or self._error):
            self._waiter = self._loop.create_future()
            await self._waiter
        if self._error and not self.answer.done:
            raise self._error

    # What the loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the request, or begin with TLS."""
        self._transport = cast("asyncio.Transport", transport)
        if self._tls is None:
            self._transport.write(self._head)
        else:
            self._advance(self._tls, b"")

    def get_buffer(self, sizehint: int) -> bytearray:
        """Return the buffer of all connections."""
        return _BUFFER

    def buffer_updated(self, nbytes: int) -> None:
        """Take what came."""
        try:
            if self._tls is None:
                self.answer.feed(_VIEW[:nbytes])
            else:
                self._advance(self._tls, _VIEW[:nbytes])
        except (CheckFailed, OSError) as error:
            self._error = error
        if self._transport and not self.answer.done and self.answer.full:
            self._transport.pause_reading()
        if self.answer.done or self.answer.full or self._error:
            self._wake()

    def eof_received(self) -> None:
        """Let the transport close."""

    def connection_lost(self, exc: Exception | None) -> None:
        """Take the end of the connection; one by an error never completes an answer, one by us says nothing."""
        if self._transport is None:
            return
        try:
            if exc is None and self._tls and not self._tls.established:
                exc = CheckFailed("TLS: closed by server in the handshake")
            elif exc is None:
                self.answer.end()
        except CheckFailed as error:
            exc = error.with_traceback(None)  # which holds this frame, and that the error: a circle
        self._error = self._error or exc
        self._wake()

    def _advance(self, tls: Tls, data: memoryview | bytes) -> None:
        """Carry TLS on with the bytes received: through the handshake, then to the answer."""
        tls.give(data)
        try:
            if not tls.established and tls.handshake():
                tls.write(self._head)
            if tls.established:
                for plain in tls.plain():
                    self.answer.feed(plain)
                if tls.ended:
                    self.answer.end()
        finally:
            if self._transport and (out := tls.take()):
                self._transport.write(out)

    def _wake(self) -> None:
        if self._waiter and not self._waiter.done():
            self._waiter.set_result(None)
