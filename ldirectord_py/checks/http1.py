"""The HTTP probe: one connection, one prepared request, one answer, as little else as possible."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress

from ldirectord_py.checks.answer import Answer
from ldirectord_py.checks.base import Target
from ldirectord_py.checks.connection import Connection, connect
from ldirectord_py.checks.effort import RECORD
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

# One buffer for all connections: it is filled and handed over in one step, without a wait between.
_BUFFER = bytearray(65536)
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
    reached(NOT_CONNECTED + when)
    connection = await connect(request.host, request.port)
    answer = Answer(request.method, wanted, kept=pattern is not None, effort=connection.effort)
    exchange = Exchange(connection, request, answer)
    try:
        await exchange.begin()
        return exchange.answer, await exchange.read(pattern)
    except BaseException:
        reached(exchange.progress() + when)
        raise
    finally:
        exchange.close()


class Exchange:
    """A request and its answer on a connection of their own; its state is how far the answer and TLS have come."""

    __slots__ = ("_connection", "_head", "_tls", "answer")

    def __init__(self, connection: Connection, request: Request, answer: Answer) -> None:
        self._connection = connection
        self._head = request.head
        self._tls = Tls(request.tls) if request.tls else None
        self.answer = answer

    async def begin(self) -> None:
        """Send the request, over TLS if so."""
        if self._tls is None:
            with suppress(BrokenPipeError, ConnectionResetError):  # the answer may lie there all the same
                await self._connection.send(self._head)
            return
        while not self._shaken(self._tls):
            await self._connection.send(self._tls.take())
            if not (size := await self._connection.receive_into(_BUFFER)):
                raise CheckFailed("TLS: closed by server in the handshake")
            self._tls.give(_VIEW[:size])
        self._tls.write(self._head)
        await self._connection.send(self._tls.take())

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
            self._connection.leave(tls.take())  # tells the server why
            raise

    async def _more(self) -> None:
        """Take what comes next, or the end of the connection."""
        size = await self._received()
        if not size:
            self.answer.end()
        elif self._tls is None:
            self.answer.feed(_VIEW[:size])
        else:
            self._tls.give(_VIEW[:size])
            for plain in self._tls.plain():
                self._connection.effort.piece(len(plain), RECORD)
                self.answer.feed(plain)
            if self._tls.ended:
                self.answer.end()
            if not self.answer.done:
                await self._connection.send(self._tls.take())

    async def _received(self) -> int:
        """Return how many bytes came, 0 at the end; a reset is one where the end of the connection ends the body."""
        try:
            return await self._connection.receive_into(_BUFFER)
        except ConnectionResetError:
            if self.answer.open_ended:
                return 0
            raise
