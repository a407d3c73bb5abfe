"""pgsql against servers that say anything at all."""

from __future__ import annotations

import asyncio
import logging
import struct
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
import uvloop

from harness.fakes.flood import flood
from harness.fakes.mutants import mutants
from harness.fakes.offline import connection_with, run_without_waiting
from harness.fakes.scripted import Servers, exchange, hanging, reset
from harness.memory import LITTLE, peak
from ldirectord_py.checks.base import Target
from ldirectord_py.checks.probe import probe
from ldirectord_py.checks.protocols.postgres_session import MAX_ROWS, PostgresSession
from ldirectord_py.checks.reasons import excerpt
from ldirectord_py.checks.services.pgsql import KIND, check
from ldirectord_py.errors import CheckFailed
from ldirectord_py.health import Verdict

LOOPBACK = ip_address("127.0.0.1")


def message(kind: bytes, body: bytes = b"") -> bytes:
    return kind + struct.pack("!I", len(body) + 4) + body


def request(method: int, rest: bytes = b"") -> bytes:
    return message(b"R", struct.pack("!I", method) + rest)


def error(code: str, words: str) -> bytes:
    return message(b"E", f"SFATAL\0C{code}\0M{words}\0\0".encode())


READY = message(b"Z", b"I")
LOGGED_IN = request(0) + message(b"S", b"server_version\x0015.0\0") + message(b"K", bytes(8)) + READY
COLUMNS = message(b"T", b"\0\x01x\0" + bytes(18))
ROW = message(b"D", b"\0\x01\0\0\0\x011")
ANSWER = COLUMNS + ROW + message(b"C", b"SELECT 1\0") + READY
NOTICE = message(b"N", b"SNOTICE\0Mmind the gap\0\0")


def target(port: int, **fields: Any) -> Target:
    given = {"timeout": 20.0, "login": "joe", "passwd": "hunter2", "request": "SELECT 1", **fields}
    return Target(LOOPBACK, port, **given)


async def run(port: int, **fields: Any) -> tuple[Verdict, str]:
    result = await probe(check, target(port, **fields))
    return result.verdict, result.reason


def test_it_needs_no_driver() -> None:
    assert KIND.driver == ""


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ((b"N", LOGGED_IN, ANSWER), (Verdict.UP, "got a row")),
        ((b"N", NOTICE + LOGGED_IN, COLUMNS + NOTICE + ANSWER), (Verdict.UP, "got a row")),
        ((b"N", request(3), LOGGED_IN, ANSWER), (Verdict.UP, "got a row")),
        ((b"N", request(5, b"salt"), LOGGED_IN, ANSWER), (Verdict.UP, "got a row")),
        ((b"N", LOGGED_IN, message(b"D", b"")[:1] + b"\x7f\xff\xff\xff"), (Verdict.UP, "got a row")),
        ((b"N", LOGGED_IN, message(b"C", b"UPDATE 1\0") + READY), (Verdict.UP, "1 row changed")),
        ((b"N", LOGGED_IN, message(b"C", b"SELECT 0\0") + READY), "the query returns no row"),
        ((b"N", LOGGED_IN, message(b"I") + READY), "the query returns no row"),
        ((b"N", LOGGED_IN, error("42P01", "no table") + READY), "query failed: no table"),
        ((b"N", LOGGED_IN, message(b"G", b"\0\0\0")), "the server asks for data to copy"),
        ((b"N", error("28P01", "no joe with hunter2")), "login refused: no joe with ***"),
        ((b"N", error("57P03", "the database system is starting up")), "the database system is starting up"),
        ((b"N", message(b"E")), "an error without words"),
        ((error("53300", "too many clients"),), "too many clients"),
        ((b"EFATAL:  unsupported frontend protocol\n\0",), "an error without words"),
        ((b"S" + LOGGED_IN,), f"expected S or N, got {excerpt(b'S' + LOGGED_IN)}"),
        ((b"N", request(7)), "login refused: authentication method 7 is not known here"),
        ((b"N", request(5, b"")), "login refused: authentication method 5 is not known here"),
        ((b"N", request(10, b"NEW-SCRAM\0\0")), "login refused: authentication method 10 is not known here"),
        ((b"N", request(11, b"r=a,s=YQ==,i=1")), "login refused: authentication method 11 is not known here"),
        ((b"N", request(12, b"v=")), "login refused: authentication method 12 is not known here"),
        ((b"N", message(b"R", b"")), "login refused: authentication method -1 is not known here"),
        (
            (b"N", request(10, b"SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0"), request(11, b"r=x,s=YQ==,i=1")),
            'expected a challenge for SCRAM, got "r=x,s=YQ==,i=1"',
        ),
        ((b"H",), 'expected S or N, got "H"'),
        ((b"N", b"HTTP/1.1 400 Bad Request\r\n"), "a message of 1414811691 bytes"),
        ((b"N", b"\0\0\0\0\0"), 'expected a PostgreSQL message, got "\\x00\\x00\\x00\\x00\\x00"'),
        ((b"N", message(b"N", bytes(40000))), "a message of 40000 bytes"),
        ((b"N", NOTICE * 20000), "more than 256 kB without a row"),
    ],
)
async def test_what_a_server_says(servers: Servers, answers: tuple[bytes, ...], expected: object) -> None:
    if isinstance(expected, str):
        expected = (Verdict.DOWN, expected)
    assert expected == await run(await servers.start(exchange(b"", *answers)))


def complete(tag: bytes) -> bytes:
    return message(b"C", tag + b"\0")


ONE, NONE = COLUMNS + ROW + complete(b"SELECT 1"), COLUMNS + complete(b"SELECT 0")
NO_ROW = (Verdict.DOWN, "the query returns no row")
GOT_ROW = (Verdict.UP, "got a row")


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (COLUMNS + ROW + complete(b"SHOW") + READY, GOT_ROW),  # PgBouncer's tag counts nothing
        (COLUMNS + complete(b"SHOW") + READY, NO_ROW),
        (NONE + ONE + READY, GOT_ROW),
        (ONE + NONE + READY, NO_ROW),
        (complete(b"SET") + ONE + READY, GOT_ROW),
        (ONE + complete(b"COMMIT") + READY, NO_ROW),
        (ONE + complete(b"UPDATE 3") + READY, (Verdict.UP, "3 rows changed")),
        (ONE + complete(b"UPDATE 0") + READY, NO_ROW),
        (ONE + error("42P01", "no table") + READY, (Verdict.DOWN, "query failed: no table")),
        (COLUMNS + ROW + error("22012", "division by zero") + READY, (Verdict.DOWN, "query failed: division by zero")),
        (ONE + NOTICE + message(b"S", b"TimeZone\0UTC\0") + NOTICE + READY, GOT_ROW),
        (message(b"H", b"\0\0\0") + message(b"d", b"1\n") + message(b"c") + complete(b"COPY 1") + READY, GOT_ROW),
        (ONE + message(b"G", b"\0\0\0"), (Verdict.DOWN, "the server asks for data to copy")),
        (message(b"I") + READY, NO_ROW),
        (COLUMNS + ROW * MAX_ROWS + complete(b"SELECT 500") + NONE + READY, NO_ROW),
        (COLUMNS + ROW * (MAX_ROWS + 1) + complete(b"SELECT 501") + NONE + READY, GOT_ROW),  # not read so far
        (COLUMNS + message(b"D", bytes(100_000)) + complete(b"SELECT 1") + NONE + READY, NO_ROW),
        (COLUMNS + message(b"D", bytes(100_000)) * 3 + complete(b"SELECT 3") + NONE + READY, GOT_ROW),
    ],
)
async def test_the_last_statement_counts_and_an_error_in_any(
    servers: Servers, answer: bytes, expected: tuple[Verdict, str]
) -> None:
    assert expected == await run(await servers.start(exchange(b"", b"N", LOGGED_IN, answer)))


async def test_the_request_goes_out_as_a_simple_query(servers: Servers) -> None:
    asked: list[bytes] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for answer in (b"N", LOGGED_IN, ANSWER):
            asked.append(await reader.read(65536))
            writer.write(answer)
        asked.append(await reader.read(65536))

    assert await run(await servers.start(talk), request="SET x TO 1; SELECT 1") == GOT_ROW
    assert asked[2] == b"Q\0\0\0\x19SET x TO 1; SELECT 1\0"
    async with asyncio.timeout(10):
        while len(asked) < 4:
            await asyncio.sleep(0.001)
    assert asked[3] == b"X\0\0\0\x04"


async def test_without_a_password_none_is_sent(servers: Servers) -> None:
    port = await servers.start(exchange(b"", b"N", request(3)))
    assert await run(port, passwd="") == (Verdict.DOWN, "login refused: the server asks for a password")


async def test_a_server_that_does_not_prove_itself(servers: Servers) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(65536)
        writer.write(b"N")
        await reader.read(65536)
        writer.write(request(10, b"SCRAM-SHA-256\0\0"))
        nonce = (await reader.read(65536)).rpartition(b"r=")[2]
        writer.write(request(11, b"r=" + nonce + b"more,s=YQ==,i=4096"))
        await reader.read(65536)
        writer.write(request(12, b"v=YQ==") + LOGGED_IN)

    expected = (Verdict.DOWN, "login refused: the server does not know the password itself")
    assert expected == await run(await servers.start(talk))


@pytest.mark.parametrize("answers", [(), (b"N",), (b"N", LOGGED_IN), (b"N", LOGGED_IN, b"D\0\0"), (b"S",)])
async def test_silence_ends_at_the_deadline_with_how_far_it_came(servers: Servers, answers: tuple[bytes, ...]) -> None:
    verdict, reason = await run(await servers.start(exchange(b"", *answers, hang=True)), timeout=0.2)
    assert (verdict, reason.partition(" (")[0]) == (Verdict.DOWN, "no answer within 0.2 s")
    phases = ("connected, no answer to ", "connected, TLS handshake not done", "logged in, no answer to the query")
    assert any(words in reason for words in phases)


async def test_the_reason_of_a_close_has_the_progress(servers: Servers) -> None:
    async def closing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(65536)
        writer.write(b"N")
        await reader.read(65536)
        writer.write(b"R\0")

    async def resetting(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(65536)
        reset(writer)

    expected = (Verdict.DOWN, 'closed by server after "R\\x00" (connected, no answer to the login)')
    assert expected == await run(await servers.start(closing))
    expected = (Verdict.DOWN, "reset by server (connected, no answer to the request for TLS)")
    assert expected == await run(await servers.start(resetting))


async def test_an_invalid_tls_handshake_fails(servers: Servers) -> None:
    verdict, reason = await run(await servers.start(exchange(b"", b"S", b"not TLS at all\r\n")))
    assert (verdict, reason[:5]) == (Verdict.DOWN, "TLS: ")


async def test_a_server_without_tls_fails_with_tlsverify(servers: Servers) -> None:
    port = await servers.start(exchange(b"", b"N", LOGGED_IN, ANSWER))
    assert await run(port, tlsverify=True) == (Verdict.DOWN, "the server has no TLS, which tlsverify asks for")


@pytest.mark.parametrize(("field", "reason"), [("login", "login is not set"), ("request", "request is not set")])
async def test_login_and_request_are_needed(field: str, reason: str) -> None:
    assert await run(9, **{field: ""}) == (Verdict.DOWN, reason)


@pytest.mark.slow
async def test_no_descriptor_is_left_behind(servers: Servers) -> None:
    ports = [
        await servers.start(talk)
        for talk in (hanging(), exchange(b"", b"S", hang=True), exchange(b"", b"N", LOGGED_IN, ANSWER))
    ]
    before = descriptors()
    for _ in range(3):
        await asyncio.gather(*(run(port, timeout=0.1) for port in ports))
    await servers.stop()
    async with asyncio.timeout(10):
        while descriptors() > before:
            await asyncio.sleep(0.01)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("answers", "chunk"),
    [
        ((b"N", LOGGED_IN, COLUMNS), NOTICE * 500),
        ((b"N", b"E\x7f\xff\xff\xff"), b"x" * 65536),
        ((b"N", LOGGED_IN, COLUMNS), message(b"D", bytes(20000)) * 5),
        ((), b"N" * 65536),
    ],
)
def test_a_flood_needs_little_memory(answers: tuple[bytes, ...], chunk: bytes) -> None:
    """On uvloop, which the daemon runs on; the other loop reads into 256 kB of its own."""
    with flood(answers, chunk) as port:
        assert uvloop.run(peak(lambda: run(port, timeout=5.0))) < LITTLE


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def outcome(data: bytes) -> str:
    """Return the word or the reason that a session comes to when the server says all of this."""
    await asyncio.sleep(0)  # or all of them were one turn of the loop (harness/loop_guard.py)
    session = PostgresSession(*connection_with(data))
    try:
        run_without_waiting(session.log_in(target(5432)))
        return run_without_waiting(session.query("SELECT 1")) or ""
    except CheckFailed as failed:
        return str(failed)


async def unfit(seeds: list[bytes]) -> list[str]:
    """Return the words and reasons that mutants lead to and that are not fit for a log."""
    words = [await outcome(data) for data in mutants(seeds, 20_000)]
    return [word for word in words if not word or not word.isprintable()]


@pytest.mark.slow
def test_whatever_the_bytes_a_session_ends_in_a_row_or_a_reason(caplog: pytest.LogCaptureFixture) -> None:
    good = [LOGGED_IN + ANSWER, request(3) + LOGGED_IN + NOTICE + ANSWER, request(5, b"salt") + LOGGED_IN + ANSWER]
    good += [LOGGED_IN + NONE + ONE + READY, LOGGED_IN + complete(b"SET") + complete(b"UPDATE 3") + READY]
    bad = [error("28P01", "no"), LOGGED_IN + error("42P01", "no table") + READY, request(10, b"SCRAM-SHA-256\0\0")]
    with caplog.at_level(logging.WARNING):
        assert asyncio.run(unfit(good + bad)) == []
    assert caplog.messages == []
