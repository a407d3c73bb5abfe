"""The HTTP probe: one connection, one prepared request, one answer, as little else as possible."""

from __future__ import annotations

import ssl
from collections.abc import Awaitable, Collection

from ldirectord_py.checks.base import Checker, Kind, Target
from ldirectord_py.checks.effort import RECORD
from ldirectord_py.checks.pattern import Pattern, compiled
from ldirectord_py.checks.progress import NOT_CONNECTED, set_progress
from ldirectord_py.checks.protocols.http_request import Request, first_request, redirected_request
from ldirectord_py.checks.protocols.http_response import Response
from ldirectord_py.checks.protocols.http_statuses import parse_statuses
from ldirectord_py.checks.reasons import excerpt
from ldirectord_py.checks.search import search
from ldirectord_py.checks.transport.connection import Connection, connect
from ldirectord_py.checks.transport.tls import Tls
from ldirectord_py.errors import CheckFailed

REDIRECTS = 7
"""How many redirects are followed, as in the original."""

USES = frozenset({"request", "receive", "httpmethod", "expectstatus", "followredirects", "tlsverify", "tlsca"})
"""The fields of a Target that an HttpCheck uses for every kind."""

_REDIRECTING = frozenset({301, 302, 303, 307, 308})

# One buffer for all connections: it is filled and handed over in one step, without a wait between.
_BUFFER = bytearray(65536)
_VIEW = memoryview(_BUFFER)


class HttpCheck:
    """The checker of one target. Its state: the objects that all its probes share, made by the first one."""

    __slots__ = ("_context", "_kind", "_pattern", "_request", "_wanted")

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._request: Request | None = None
        self._pattern: Pattern | None = None
        self._wanted: Collection[int] = ()
        self._context: ssl.SSLContext | None = None

    def __call__(self, target: Target) -> Awaitable[str]:
        """Return the probe, which returns the status line of the answer.

        Raises CheckFailed if the request cannot be made; the probe does unless the answer is as ``target`` wants it.
        """
        if self._request is None:
            self._pattern = compiled(target.receive) if target.receive else None
            self._wanted = parse_statuses(target.expectstatus)
            self._request = first_request(self._kind, target)
        return self._ask(self._request, target)

    def context(self, request: Request) -> ssl.SSLContext | None:
        """Return the TLS context of a request, None without TLS. It is kept: all requests of the target share it."""
        if request.tls is not None and self._context is None:
            self._context = request.tls.context
        return self._context

    async def _ask(self, request: Request, target: Target) -> str:
        """Follow redirects, unless the target does not want that or expects their very status."""
        for hop in range(REDIRECTS + 1):
            self.context(request)
            answer, found = await _fetch(request, self._pattern, self._wanted, " after a redirect" if hop else "")
            redirects = answer.code in _REDIRECTING and not answer.success and target.followredirects
            if not redirects or answer.location is None:
                break
            request = redirected_request(request, answer.location)
        else:
            raise CheckFailed(f"more than {REDIRECTS} redirects")
        if not answer.success:
            raise CheckFailed(f"status {answer.status}{target.expectstatus and f', not {target.expectstatus}'}")
        if not found:
            raise CheckFailed(f"receive /{target.receive}/ not in {answer.size} bytes: {excerpt(answer.body)}")
        return answer.status


def http_kind(name: str, port: int, uses: Collection[str] = ()) -> Kind:
    """Return the kind of this name; ``uses`` are the fields of a Target that it has beside USES."""

    def prepare(_: Target) -> Checker:
        return HttpCheck(name)

    async def check(target: Target) -> str:
        return await prepare(target)(target)

    return Kind(name, check, port=port, uses=USES.union(uses), prepare=prepare)


async def _fetch(
    request: Request, pattern: Pattern | None, wanted: Collection[int], when: str
) -> tuple[Response, bool]:
    """Return the whole answer, and whether the pattern was found in it; ``when`` ends the phase reached."""
    set_progress(NOT_CONNECTED + when)
    connection = await connect(request.host, request.port)
    answer = Response(request.method, wanted, kept=pattern is not None, effort=connection.effort)
    exchange = Exchange(connection, request, answer)
    try:
        await exchange.begin()
        return exchange.answer, await exchange.read(pattern)
    except BaseException:
        set_progress(exchange.progress() + when)
        raise
    finally:
        exchange.close()


class Exchange:
    """A request and its answer on a connection of their own; its state is how far the answer and TLS have come."""

    __slots__ = ("_connection", "_head", "_tls", "answer")

    def __init__(self, connection: Connection, request: Request, answer: Response) -> None:
        self._connection = connection
        self._head = request.head
        self._tls = Tls(request.tls) if request.tls else None
        self.answer = answer

    async def begin(self) -> None:
        """Send the request, over TLS if so."""
        if self._tls is None:
            try:
                await self._connection.send(self._head)
            except (BrokenPipeError, ConnectionResetError):
                return  # the answer may lie there all the same
            return
        while not self._shaken(self._tls):
            await self._connection.send(self._tls.read_outgoing())
            if not (size := await self._connection.receive_into(_BUFFER)):
                raise CheckFailed("TLS: closed by server in the handshake")
            self._tls.write_incoming(_VIEW[:size])
        self._tls.write(self._head)
        await self._connection.send(self._tls.read_outgoing())

    async def read(self, pattern: Pattern | None) -> bool:
        """Return whether the pattern is in the body, once the answer is complete."""
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
        """Return how far the exchange has come, in words."""
        if self._tls and not self._tls.established:
            return "connected, TLS handshake not done"
        return self.answer.progress()

    def close(self) -> None:
        """Close the connection without a wait."""
        self._connection.close()

    async def _found(self, pattern: Pattern) -> bool:
        """Return whether the pattern is in the window, short of an end that is not the body's."""
        answer = self.answer
        span = await search(pattern, answer.body, 1 if answer.dropped else 0)
        return span is not None and (answer.done or span[1] < len(answer.body))

    def _shaken(self, tls: Tls) -> bool:
        """Carry the handshake on; return whether it is done."""
        try:
            return tls.handshake()
        except OSError:
            self._connection.send_goodbye(tls.read_outgoing())  # tells the server why
            raise

    async def _more(self) -> None:
        """Take what comes next, or the end of the connection; a reset is an end if only the end delimits the body."""
        try:
            size = await self._connection.receive_into(_BUFFER)
        except ConnectionResetError:
            if not self.answer.open_ended:
                raise
            size = 0
        if not size:
            self.answer.end()
        elif self._tls is None:
            self.answer.feed(_VIEW[:size])
        else:
            self._tls.write_incoming(_VIEW[:size])
            for plain in self._tls.decrypted():
                self._connection.effort.piece(len(plain), RECORD)
                self.answer.feed(plain)
            if self._tls.ended:
                self.answer.end()
            if not self.answer.done:
                await self._connection.send(self._tls.read_outgoing())
