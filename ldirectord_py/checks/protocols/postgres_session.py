"""A connection to PostgreSQL that logs in and queries one row; it holds one message of limited size and no rows."""

from __future__ import annotations

import asyncio
import secrets
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import IntEnum
from functools import partial

from ldirectord_py.checks.base import Target
from ldirectord_py.checks.progress import NOT_CONNECTED, progress, set_progress
from ldirectord_py.checks.protocols import postgres_messages, scram
from ldirectord_py.checks.protocols.sql import GOT_ROW, MAX_RECEIVED
from ldirectord_py.checks.reasons import excerpt
from ldirectord_py.checks.threads import THREADS
from ldirectord_py.checks.transport.connection import open_connection, start_tls
from ldirectord_py.checks.transport.receive_buffer import limit_receive_buffer
from ldirectord_py.checks.transport.tls import TlsParameters, tls_parameters
from ldirectord_py.errors import BadStatus, CheckFailed, TlsUnavailable

MAX_MESSAGE = 32768
"""Bytes of a message, except rows, which are skipped."""

MAX_ROWS = 500
"""Rows of a result that are skipped; further rows are not read."""

READ_SIZE = 16384
"""Bytes of a row in one read."""

_ROWS = frozenset((b"D", b"d"))
"""The kinds of messages for rows: DataRow and CopyData."""


class _Method(IntEnum):
    """The supported authentication requests."""

    OK = 0
    CLEARTEXT = 3
    MD5 = 5
    SASL = 10
    SASL_CONTINUE = 11
    SASL_FINAL = 12


class PostgresSession:
    """A connection; its state is the number of bytes that the server may still send, and the state of SCRAM."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._left = MAX_RECEIVED
        self._nonce = b""
        self._expected = b""

    async def start_tls(self, parameters: TlsParameters) -> None:
        """Start TLS if the server offers it; raises TlsUnavailable if it does not and ``tlsverify`` needs it."""
        set_progress("connected, no answer to the request for TLS")
        self._writer.write(postgres_messages.SSL_REQUEST)
        answer = await self._reader.read(MAX_MESSAGE)
        if answer == b"S":  # and nothing after it, which an attacker may have inserted
            await start_tls(self._writer, parameters)
        elif answer[:1] == b"E":
            raise BadStatus(postgres_messages.failure(answer[5:])[1])
        elif answer != b"N":
            raise CheckFailed(
                f"expected S or N, got {excerpt(answer)}" if answer else f"closed by server ({progress()})"
            )
        elif parameters.verify:
            raise TlsUnavailable("the server has no TLS, which tlsverify asks for")

    async def log_in(self, target: Target) -> None:
        """Log in and wait until the server is ready for a query; raises BadStatus if it refuses."""
        set_progress("connected, no answer to the login")
        self._writer.write(postgres_messages.startup(target.login, target.database))
        while True:
            kind, size = await self._header()
            body = await self._body(size)
            if kind == b"Z":
                return
            if kind == b"E":
                code, words = postgres_messages.failure(body)
                raise BadStatus(f"login refused: {words}" if code.startswith("28") else words)
            if kind == b"R":
                await self._authenticate(target, body)

    async def query(self, statement: str) -> str:
        """Return the word for the last statement; raises CheckFailed if it has no row, or if any statement fails.

        A result that is too long counts as a row, and is not read to its end.
        """
        set_progress("logged in, no answer to the query")
        self._writer.write(postgres_messages.query(statement))
        results = postgres_messages.Results()
        while True:
            kind, size = await self._header()
            if kind in _ROWS:
                if results.add_row() > MAX_ROWS or size > self._left - MAX_MESSAGE:
                    return GOT_ROW
                await self._skip(size)
            elif kind == b"Z":
                return results.word
            elif kind == b"G":
                raise CheckFailed("the server asks for data to copy")
            else:
                self._handle(results, kind, await self._body(size))

    def _handle(self, results: postgres_messages.Results, kind: bytes, body: bytes) -> None:
        """Handle a message that is not a row; raises CheckFailed for an error."""
        if kind == b"E":
            raise BadStatus(f"query failed: {postgres_messages.failure(body)[1]}")
        if kind == b"C":
            results.end_statement(body)

    async def send_goodbye(self) -> None:
        """Send Terminate, without waiting for it to leave."""
        self._writer.write(postgres_messages.TERMINATE)
        await asyncio.sleep(0)  # uvloop sends at the end of a turn

    async def _authenticate(self, target: Target, body: bytes) -> None:
        """Answer an authentication request."""
        method = struct.unpack("!I", body[:4])[0] if len(body) >= 4 else -1
        rest = body[4:]
        if method == _Method.OK:
            return
        if not target.passwd:
            raise BadStatus("login refused: the server asks for a password")
        match method:
            case _Method.CLEARTEXT:
                self._send_password_message(postgres_messages.text(target.passwd))
            case _Method.MD5 if len(rest) == 4:
                self._send_password_message(postgres_messages.md5(target.login, target.passwd, rest))
            case _Method.SASL if scram.MECHANISM in rest.split(b"\0"):
                self._nonce = secrets.token_urlsafe(18).encode()
                first = b"n,," + scram.first_message(self._nonce)
                self._send_password_message(scram.MECHANISM + b"\0" + struct.pack("!i", len(first)) + first)
            case _Method.SASL_CONTINUE if self._nonce:
                challenge = scram.parse_challenge(rest, self._nonce)
                proof = await THREADS.run(partial(challenge.answer, target.passwd, scram.first_message(self._nonce)))
                self._nonce, self._expected = b"", proof.expected
                self._send_password_message(proof.message)
            case _Method.SASL_FINAL if self._expected:
                if rest != self._expected:
                    raise BadStatus("login refused: the server does not know the password itself")
            case _:
                raise BadStatus(f"login refused: authentication method {method} is not known here")

    def _send_password_message(self, body: bytes) -> None:
        self._writer.write(postgres_messages.message(b"p", body))

    async def _header(self) -> tuple[bytes, int]:
        return postgres_messages.header(await self._read_exactly(5))

    async def _body(self, size: int) -> bytes:
        if size > MAX_MESSAGE:
            raise CheckFailed(f"a message of {size} bytes")
        return await self._read_exactly(size)

    async def _skip(self, size: int) -> None:
        """Read and discard ``size`` bytes of a row."""
        while size:
            size -= len(await self._read_exactly(min(size, READ_SIZE)))

    async def _read_exactly(self, size: int) -> bytes:
        self._left -= size
        if self._left < 0:
            raise CheckFailed(f"more than {MAX_RECEIVED // 1024} kB without a row")
        try:
            return await self._reader.readexactly(size)
        except asyncio.IncompleteReadError as error:
            got = f" after {excerpt(error.partial)}" if error.partial else ""
            raise CheckFailed(f"closed by server{got} ({progress()})") from None


@asynccontextmanager
async def connect(target: Target) -> AsyncIterator[PostgresSession]:
    """Yield a connection, over TLS if the server offers it; it is closed without waiting."""
    set_progress(NOT_CONNECTED)
    reader, writer = await open_connection(str(target.address), target.port, limit=MAX_MESSAGE)
    limit_receive_buffer(writer.transport)
    session = PostgresSession(reader, writer)
    try:
        await session.start_tls(tls_parameters(target))
        yield session
        await session.send_goodbye()
    finally:
        writer.transport.abort()
