"""The HTTP check: for each probe one connection, one prepared request and one response."""

from __future__ import annotations

import ssl
from collections.abc import Awaitable, Collection

from ldirectord_py.checks.base import Checker, Kind, Target
from ldirectord_py.checks.effort import RECORD
from ldirectord_py.checks.pattern import Pattern, compiled
from ldirectord_py.checks.progress import NO_HANDSHAKE, NOT_CONNECTED, set_progress
from ldirectord_py.checks.protocols.http_request import Request, first_request, redirected_request
from ldirectord_py.checks.protocols.http_response import Response
from ldirectord_py.checks.protocols.http_statuses import parse_statuses
from ldirectord_py.checks.reasons import excerpt
from ldirectord_py.checks.search import search
from ldirectord_py.checks.transport.connection import Connection, connect
from ldirectord_py.checks.transport.tls import Tls
from ldirectord_py.errors import BadStatus, CheckFailed

REDIRECTS = 7
"""How many redirects are followed, as in the original."""

USES = frozenset({"request", "receive", "httpmethod", "expectstatus", "followredirects", "tlsverify", "tlsca"})
"""The fields of a Target that an HttpCheck uses for every kind."""

_REDIRECTING = frozenset({301, 302, 303, 307, 308})

# One buffer for all connections: it is filled and consumed without a wait in between.
_BUFFER = bytearray(65536)
_VIEW = memoryview(_BUFFER)


class HttpCheck:
    """The checker of one target. Its state: the objects that all its probes share, created by the first one.

    ``prepare`` does not create them: a reload that brings thousands of checks must not hold up the event loop.
    """

    __slots__ = ("_context", "_kind", "_pattern", "_request", "_wanted")

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._request: Request | None = None
        self._pattern: Pattern | None = None
        self._wanted: Collection[int] = ()
        self._context: ssl.SSLContext | None = None

    def __call__(self, target: Target) -> Awaitable[str]:
        """Return the probe, which returns the status line of the response.

        Raises CheckFailed if the request cannot be built; so does the probe if the response is not what ``target``
        asks for.
        """
        if self._request is None:
            self._pattern = compiled(target.receive) if target.receive else None
            self._wanted = parse_statuses(target.expectstatus)
            self._request = first_request(self._kind, target)
        return self._probe(self._request, target)

    def context(self, request: Request) -> ssl.SSLContext | None:
        """Return the TLS context that all requests of the target share, None for one without TLS."""
        if request.tls is None:
            return None
        if self._context is None:
            self._context = request.tls.context
        return self._context

    async def _probe(self, request: Request, target: Target) -> str:
        """Fetch the response, and follow redirects unless the target forbids that or expects their status."""
        url: str | None = None
        for _ in range(REDIRECTS + 1):
            answer, found = await self._fetch(request, target.httpmethod, " after a redirect" if url else "")
            redirects = answer.code in _REDIRECTING and not answer.success and target.followredirects
            if not redirects or answer.location is None:
                break
            set_progress("redirected")
            request, url = redirected_request(self._kind, target, url, answer.location)
        else:
            raise CheckFailed(f"more than {REDIRECTS} redirects")
        if not answer.success:
            raise BadStatus(f"status {answer.status}{target.expectstatus and f', not {target.expectstatus}'}")
        if not found:
            set_progress(answer.progress())
            raise CheckFailed(f"receive /{target.receive}/ not in {answer.size} bytes: {excerpt(answer.body)}")
        return answer.status

    async def _fetch(self, request: Request, method: str, when: str) -> tuple[Response, bool]:
        """Return the whole response, and whether the pattern is in it; ``when`` is appended to the progress."""
        set_progress(NOT_CONNECTED + when)
        connection = await connect(request.host, request.port, sends_first=True)
        answer = Response(method, self._wanted, kept=self._pattern is not None, effort=connection.effort)
        exchange = Exchange(connection, request, answer, self.context(request))
        try:
            await exchange.begin()
            return answer, await exchange.read(self._pattern)
        except BaseException:
            set_progress(exchange.progress() + when)
            raise
        finally:
            exchange.close()


def http_kind(name: str, port: int, uses: Collection[str] = ()) -> Kind:
    """Return the kind of this name; ``uses`` are the fields of a Target that it uses beside USES."""

    def prepare(_: Target) -> Checker:
        return HttpCheck(name)

    async def check(target: Target) -> str:
        return await prepare(target)(target)

    return Kind(name, check, port=port, uses=USES.union(uses), prepare=prepare)


class Exchange:
    """A request and its response on one connection. Its state: how far the response and TLS have come."""

    __slots__ = ("_connection", "_head", "_tls", "answer")

    def __init__(
        self, connection: Connection, request: Request, answer: Response, context: ssl.SSLContext | None
    ) -> None:
        self._connection = connection
        self._head = request.head
        self._tls = Tls(context, request.tls.name) if context and request.tls else None
        self.answer = answer

    async def begin(self) -> None:
        """Send the request, after the handshake if it goes over TLS."""
        if self._tls is None:
            try:
                await self._connection.send(self._head)
            except (BrokenPipeError, ConnectionResetError):
                return  # the response may have arrived all the same
            return
        while not self._handshake(self._tls):
            await self._connection.send(self._tls.read_outgoing())
            if not (size := await self._connection.receive_into(_BUFFER)):
                raise CheckFailed("TLS: closed by server in the handshake")
            self._tls.write_incoming(_VIEW[:size])
        self._tls.write(self._head)
        await self._connection.send(self._tls.read_outgoing())

    async def read(self, pattern: Pattern | None) -> bool:
        """Return whether the pattern is in the body, once the response is complete."""
        answer, found = self.answer, pattern is None
        while True:
            while not (answer.done or answer.full):
                await self._more()
            if pattern and not found and answer.success:
                found = await self._found(pattern)
            if answer.done:
                return found
            answer.kept = not found
            answer.drop()

    def progress(self) -> str:
        """Return how far the exchange has come, in words for a reason."""
        if self._tls and not self._tls.established:
            return NO_HANDSHAKE
        return self.answer.progress()

    def close(self) -> None:
        """Close the connection without a wait."""
        self._connection.close()

    async def _found(self, pattern: Pattern) -> bool:
        """Whether the pattern matches in the window. A match up to its end counts at the end of the body only."""
        answer = self.answer
        span = await search(pattern, answer.body, 1 if answer.dropped else 0)
        return span is not None and (answer.done or span[1] < len(answer.body))

    def _handshake(self, tls: Tls) -> bool:
        """Continue the handshake; return whether it is complete."""
        try:
            return tls.handshake()
        except OSError:
            self._connection.send_goodbye(tls.read_outgoing())  # tells the server why
            raise

    async def _more(self) -> None:
        """Feed the next data to the response. A reset counts as its end where the connection delimits the body."""
        try:
            size = await self._connection.receive_into(_BUFFER)
        except ConnectionResetError:
            if not self.answer.open_ended:
                raise
            size = 0
        if not size:
            self.answer.finish()
        elif self._tls is None:
            self.answer.feed(_VIEW[:size])
        else:
            self._tls.write_incoming(_VIEW[:size])
            for plain in self._tls.decrypted():
                self._connection.effort.piece(len(plain), RECORD)
                self.answer.feed(plain)
                if self.answer.done:  # to find that there is no more costs an exception, 5 us
                    return
            if self._tls.ended:
                self.answer.finish()
            else:
                await self._connection.send(self._tls.read_outgoing())
