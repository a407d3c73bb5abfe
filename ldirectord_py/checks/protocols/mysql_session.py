"""A connection to MySQL or MariaDB that logs in and asks for a row.

aiomysql logs in; this module limits what a server can make it read or send. It sends the query itself, because
aiomysql would read the whole result.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Iterator
from contextlib import contextmanager

import aiomysql
from pymysql.charset import charset_by_name
from pymysql.connections import MAX_PACKET_LEN
from pymysql.constants import CLIENT, COMMAND
from pymysql.protocol import MysqlPacket, OKPacketWrapper

from ldirectord_py.checks.base import Target
from ldirectord_py.checks.progress import NOT_CONNECTED, progress, set_progress
from ldirectord_py.checks.protocols.sql import GOT_ROW, MAX_RECEIVED, NO_ROW, outcome
from ldirectord_py.checks.reasons import excerpt
from ldirectord_py.checks.transport.connection import open_connection, start_tls
from ldirectord_py.checks.transport.receive_buffer import limit_receive_buffer
from ldirectord_py.checks.transport.tls import TlsParameters, tls_parameters
from ldirectord_py.errors import BadStatus, CheckFailed, TlsUnavailable
from ldirectord_py.runtime.text import as_bytes, printable

MAX_PACKET = 32768
"""Bytes of a packet, except rows, which are not read."""

_AUTH_PLUGINS = frozenset({"", "mysql_native_password", "caching_sha2_password", "sha256_password"})
"""Methods of authentication that do not send the password in clear; "" means mysql_native_password."""

_REFUSALS = frozenset({1044, 1045, 1251, 1275, 1396, 1524, 1698, 1820, 1862, 2059, 3118, 3159, 4151})
"""Error codes of a refused login."""

_CLIENT_ERRORS = range(2000, 3000)
"""Error codes that clients give to their own errors."""

_MALFORMED = (LookupError, ValueError, TypeError, NameError, AttributeError, AssertionError, RuntimeError, struct.error)
"""Exceptions of aiomysql for malformed packets."""


async def run_statement(target: Target, statement: str) -> str:
    """Return the word for the result of a statement; raises CheckFailed if it has no row."""
    session = _MysqlSession(target)
    try:
        with _reasons():
            await session.log_in()
            word = await session.run_query(statement)
            await session.send_goodbye()
            return word
    finally:
        session.abort()


@contextmanager
def _reasons() -> Iterator[None]:
    """Translate the exceptions of aiomysql into CheckFailed or OSError."""
    try:
        yield
    except aiomysql.MySQLError as error:
        if isinstance(error.__cause__, OSError):
            raise error.__cause__ from None
        raise (BadStatus if _is_of_server(error) else CheckFailed)(_words(error)) from None
    except OSError:  # some errors of TLS are also a ValueError
        raise
    except _MALFORMED:
        raise CheckFailed(f"malformed packet ({progress()})") from None


def _is_of_server(error: Exception) -> bool:
    """Whether the server sent the error; the client's own have no code, or one of another range."""
    code = error.args[0] if len(error.args) > 1 else None
    return isinstance(code, int) and (code in _REFUSALS or code not in _CLIENT_ERRORS)


def _words(error: Exception) -> str:
    code, text = error.args[:2] if len(error.args) > 1 else (0, error.args[0] if error.args else "")
    words = " ".join(printable(str(text).encode("utf-8", "replace")).split()) or f"error {code}"
    if code in _REFUSALS and "logged in" not in progress():
        return f"login refused: {words}"
    return f"query failed: {words}" if "logged in" in progress() else words


class _MysqlSession(aiomysql.Connection):  # type: ignore[misc]  # aiomysql has no annotations
    """A connection; in addition to aiomysql's state it counts the bytes that the server may still send."""

    def __init__(self, target: Target) -> None:
        super().__init__(
            host=str(target.address),
            port=target.port,
            user=as_bytes(target.login),
            password=as_bytes(target.passwd).decode("latin-1"),  # aiomysql encodes it again
            db=as_bytes(target.database),
            charset="utf8mb4",
            autocommit=None,
            program_name="ldirectord",
        )
        self.client_flag &= ~CLIENT.MULTI_STATEMENTS
        self._tls = tls_parameters(target)
        self._left = MAX_RECEIVED

    async def log_in(self) -> None:
        """Log in, as aiomysql's ``_connect`` does, but on a connection of ours."""
        set_progress(NOT_CONNECTED)
        self._reader, self._writer = await open_connection(self._host, self._port, limit=MAX_PACKET)
        limit_receive_buffer(self._writer.transport)
        set_progress("connected, no greeting")
        self._next_seq_id = 0
        await self._get_server_information()
        await self._request_authentication()

    async def run_query(self, statement: str) -> str:
        """Return the word for the result of a statement."""
        set_progress("logged in, no answer to the query")
        await self._execute_command(COMMAND.COM_QUERY, as_bytes(statement))
        answer = await self._read_packet()
        if answer.is_ok_packet():
            return outcome(OKPacketWrapper(answer).affected_rows)
        if answer.is_load_local_packet():
            raise CheckFailed("the server asks for a file of this host")
        while not (await self._read_packet()).is_eof_packet():
            pass  # the definitions of the columns
        return await self._row()

    async def _row(self) -> str:
        """Return the word for a row after its first byte, as the rest may be large."""
        head = await self._read_bytes(5)
        size = int.from_bytes(head[:3], "little")
        if head[4] == 0xFF:
            MysqlPacket(head[4:] + await self._read_bytes(size - 1), "utf8").raise_for_error()
        if head[4] == 0xFE and size < 9:
            raise CheckFailed(NO_ROW)
        return GOT_ROW

    async def send_goodbye(self) -> None:
        """Send COM_QUIT, without waiting for it to leave."""
        self._writer.write(struct.pack("<iB", 1, COMMAND.COM_QUIT))
        await asyncio.sleep(0)  # uvloop sends at the end of a turn

    def abort(self) -> None:
        """Close the connection without waiting for the server."""
        if self._writer:
            self._writer.transport.abort()
        self.close()

    async def _request_authentication(self) -> None:
        set_progress("connected, no answer to the login")
        if self._server_auth_plugin not in _AUTH_PLUGINS:
            self._client_auth_plugin = "mysql_native_password"  # the server may request another
        if self.server_capabilities & CLIENT.SSL:
            await self._start_tls(self._tls)
        elif self._tls.verify:
            raise TlsUnavailable("the server has no TLS, which tlsverify asks for")
        await super()._request_authentication()

    async def _start_tls(self, parameters: TlsParameters) -> None:
        """Start TLS on the open connection."""
        self.client_flag |= CLIENT.SSL
        charset = charset_by_name(self.charset).id
        self.write_packet(struct.pack("<iIB23s", self.client_flag, MAX_PACKET_LEN, charset, b""))
        if left := bytes(self._reader._buffer):  # type: ignore[attr-defined]
            raise CheckFailed(f"more than a greeting before TLS: {excerpt(left)}")
        await start_tls(self._writer, parameters)
        self._secure = True

    async def _process_auth(self, plugin_name: bytes, auth_packet: MysqlPacket) -> MysqlPacket | None:
        name = plugin_name.decode("ascii", "replace")
        if name not in _AUTH_PLUGINS:
            raise BadStatus(f"login refused: the server asks for {printable(plugin_name[:80])}, not known here")
        packet: MysqlPacket | None = await super()._process_auth(plugin_name, auth_packet)
        return packet

    async def _read_packet(self, packet_type: type[MysqlPacket] = MysqlPacket) -> MysqlPacket:
        packet = await super()._read_packet(packet_type)
        logging_in = "logged in" not in progress()
        if logging_in and packet.is_auth_switch_request() and not self.server_capabilities & CLIENT.PLUGIN_AUTH:
            raise BadStatus("login refused: the server asks for a password in the format before MySQL 4.1")
        return packet

    async def _read_bytes(self, num_bytes: int) -> bytes:
        if num_bytes > MAX_PACKET:
            raise CheckFailed(f"a packet of {num_bytes} bytes ({progress()})")
        self._left -= num_bytes
        if self._left < 0:
            raise CheckFailed(f"more than {MAX_RECEIVED // 1024} kB without a row")
        try:
            data: bytes = await self._reader.readexactly(num_bytes)
        except asyncio.IncompleteReadError as error:
            got = f" after {excerpt(error.partial)}" if error.partial else ""
            raise CheckFailed(f"closed by server{got} ({progress()})") from None
        return data
