"""mysql against servers that say anything at all."""

from __future__ import annotations

import asyncio
import logging
import ssl
import struct
import tomllib
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import aiomysql.connection
import pytest
import uvloop
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from pymysql.constants import CLIENT

from harness.fakes.flood import flood
from harness.fakes.mutants import mutants
from harness.fakes.offline import connection_with, run_without_waiting
from harness.fakes.scripted import Servers, exchange, reset
from harness.host import ROOT
from harness.memory import LITTLE, peak
from ldirectord_py.checks.base import Target
from ldirectord_py.checks.probe import probe
from ldirectord_py.checks.protocols.mysql_session import _MysqlSession, run_statement
from ldirectord_py.checks.services.mysql import check
from ldirectord_py.errors import CheckFailed
from ldirectord_py.health import Verdict

LOOPBACK = ip_address("127.0.0.1")
CAPABILITIES = CLIENT.CAPABILITIES | CLIENT.CONNECT_WITH_DB


def packets(first: int, *bodies: bytes) -> bytes:
    """Return packets numbered from ``first`` on."""
    return b"".join(struct.pack("<I", len(body))[:3] + bytes((at,)) + body for at, body in enumerate(bodies, first))


def greeting(plugin: str = "mysql_native_password", capabilities: int = CAPABILITIES) -> bytes:
    low, high = struct.pack("<H", capabilities & 0xFFFF), struct.pack("<H", capabilities >> 16)
    salts = (b"12345678\0", b"901234567890\0")
    head = b"\x0a10.6.0\0\x01\0\0\0" + salts[0] + low + b"\x2d\x02\0" + high
    return packets(0, head + b"\x15" + bytes(10) + salts[1] + plugin.encode() + b"\0")


def error(code: int, words: str) -> bytes:
    return b"\xff" + struct.pack("<H", code) + b"#HY000" + words.encode()


GREETING = greeting()
OK = b"\0\0\0\x02\0\0\0"
END = b"\xfe\0\0\x02\0"
LOGGED_IN = packets(2, OK)
COLUMN = b"\x03def\0\0\0\x011\0\x0c\x3f\0\x01\0\0\0\x08\x81\0\0\0\0"
ROWS = packets(1, b"\x01", COLUMN, END, b"\x011", END)
UP = (Verdict.UP, "got a row")


def target(port: int, **fields: Any) -> Target:
    given = {"timeout": 20.0, "login": "joe", "passwd": "hunter2", "request": "SELECT 1", **fields}
    return Target(LOOPBACK, port, **given)


async def run(port: int, **fields: Any) -> tuple[Verdict, str]:
    result = await probe(check, target(port, **fields))
    return result.verdict, result.reason


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ((GREETING, LOGGED_IN, ROWS), UP),
        ((GREETING, LOGGED_IN, packets(1, b"\x01", COLUMN, END) + b"\xff\xff\xff\x04\x00"), UP),
        ((GREETING, LOGGED_IN, packets(1, b"\x01", COLUMN, END, b"\xfb")), UP),
        ((GREETING, LOGGED_IN, packets(1, b"\x01", COLUMN, END, END)), "the query returns no row"),
        ((GREETING, LOGGED_IN, packets(1, b"\x01", COLUMN, END, error(1317, "cut"))), "query failed: cut"),
        ((GREETING, LOGGED_IN, packets(1, error(1146, "no table"))), "query failed: no table"),
        ((GREETING, LOGGED_IN, packets(1, b"\0\x03\0\x02\0\0\0")), (Verdict.UP, "3 rows changed")),
        ((GREETING, LOGGED_IN, packets(1, OK)), "the query returns no row"),
        ((GREETING, LOGGED_IN, packets(1, b"\xfb/etc/shadow")), "the server asks for a file of this host"),
        ((GREETING, packets(2, error(1045, "Access denied with hunter2"))), "login refused: Access denied with ***"),
        ((GREETING, packets(2, error(1049, "Unknown database 'x'"))), "Unknown database 'x'"),
        ((packets(0, b"\xff\x10\x04Too many connections"),), "Too many connections"),
        (
            (GREETING, packets(2, b"\xfemysql_clear_password\0")),
            "login refused: the server asks for mysql_clear_password, not known here",
        ),
        ((GREETING, packets(2, b"\xfedialog\0")), "login refused: the server asks for dialog, not known here"),
        (
            (greeting(capabilities=CAPABILITIES & ~CLIENT.PLUGIN_AUTH), packets(2, b"\xfe")),
            "login refused: the server asks for a password in the format before MySQL 4.1",
        ),
        ((GREETING, packets(2, b"\xfemysql_native_password\0" + b"9" * 20 + b"\0"), packets(4, OK), ROWS), UP),
        ((b"SSH-2.0-OpenSSH_9.2p1\r\n",), "Packet sequence number wrong - got 45 expected 0"),
        ((packets(0, b"\x09old"),), "malformed packet (connected, no greeting)"),
        ((b"\xff\xff\xff\0",), "a packet of 16777215 bytes (connected, no greeting)"),
        ((GREETING, packets(2, error(2000, ""))), "error 2000"),
        ((packets(0, GREETING[4:32]),), "malformed packet (connected, no greeting)"),
        ((packets(0, b""),), "malformed packet (connected, no greeting)"),
        ((packets(3, OK),), "Packet sequence number wrong - got 3 expected 0"),
        ((GREETING, LOGGED_IN, packets(1, b"\x01", *[COLUMN] * 250) * 99), None),
        ((GREETING, LOGGED_IN, packets(1, b"\xff")), "malformed packet (logged in, no answer to the query)"),
        (
            (greeting(capabilities=CAPABILITIES | CLIENT.SSL) + LOGGED_IN,),
            'more than a greeting before TLS: "\\x07\\x00\\x00\\x02\\x00\\x00\\x00\\x02\\x00\\x00\\x00"',
        ),
    ],
)
async def test_what_a_server_says(servers: Servers, answers: tuple[bytes, ...], expected: object) -> None:
    if isinstance(expected, str):
        expected = (Verdict.DOWN, expected)
    got = await run(await servers.start(exchange(*answers)))
    if expected is None:
        assert got[0] is Verdict.DOWN
    else:
        assert expected == got


@pytest.mark.parametrize("plugin", ["mysql_clear_password", "client_ed25519", "mysql_old_password"])
async def test_no_server_gets_the_password_by_naming_a_plugin(servers: Servers, plugin: str) -> None:
    seen = bytearray()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(greeting(plugin))
        seen.extend(await reader.read(65536))
        writer.write(packets(2, b"\xfe" + plugin.encode() + b"\0" + b"8" * 8 + b"\0"))
        seen.extend(await reader.read(65536))

    expected = (Verdict.DOWN, f"login refused: the server asks for {plugin}, not known here")
    assert expected == await run(await servers.start(talk))
    assert b"joe" in seen
    assert b"hunter2" not in seen
    assert b"\0\0\0\x03" not in seen[-4:]  # no second packet of ours


async def test_the_full_login_of_mysql_8_without_tls(servers: Servers) -> None:
    key = rsa.generate_private_key(65537, 2048)
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    pem = key.public_key().public_bytes(serialization.Encoding.PEM, form)
    scheme = padding.OAEP(mgf=padding.MGF1(hashes.SHA1()), algorithm=hashes.SHA1(), label=None)  # noqa: S303  MySQL's
    passwords: list[bytes] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(greeting("caching_sha2_password"))
        await reader.read(65536)
        writer.write(packets(2, b"\x01\x04"))
        await reader.read(65536)
        writer.write(packets(4, b"\x01" + pem))
        plain = key.decrypt((await reader.read(65536))[4:], scheme)
        salt = b"12345678901234567890"
        passwords.append(bytes(a ^ salt[at % 20] for at, a in enumerate(plain)))
        writer.write(packets(6, OK))
        await reader.read(65536)
        writer.write(ROWS)
        await reader.read()

    assert await run(await servers.start(talk)) == UP
    assert passwords == [b"hunter2\0"]


@pytest.mark.parametrize("answers", [(b"",), (GREETING,), (GREETING, LOGGED_IN), (GREETING, LOGGED_IN, ROWS[:9])])
async def test_silence_ends_at_the_deadline_with_how_far_it_came(servers: Servers, answers: tuple[bytes, ...]) -> None:
    verdict, reason = await run(await servers.start(exchange(*answers, hang=True)), timeout=0.2)
    phases = ("connected, no greeting", "connected, no answer to the login", "logged in, no answer to the query")
    assert verdict is Verdict.DOWN
    assert reason in [f"no answer within 0.2 s ({words})" for words in phases]


async def test_the_reason_of_a_close_has_the_progress(servers: Servers) -> None:
    async def resetting(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(GREETING)
        await reader.read(65536)
        reset(writer)

    expected = (Verdict.DOWN, "closed by server (connected, no answer to the login)")
    assert expected == await run(await servers.start(exchange(GREETING)))
    expected = (Verdict.DOWN, "reset by server (connected, no answer to the login)")
    assert expected == await run(await servers.start(resetting))


async def test_an_invalid_tls_handshake_fails(servers: Servers) -> None:
    port = await servers.start(exchange(greeting(capabilities=CAPABILITIES | CLIENT.SSL), b"not TLS at all\r\n"))
    verdict, reason = await run(port)
    assert (verdict, reason[:5]) == (Verdict.DOWN, "TLS: ")


@pytest.mark.parametrize(("field", "reason"), [("login", "login is not set"), ("request", "request is not set")])
async def test_login_and_request_are_needed(field: str, reason: str) -> None:
    assert await run(9, **{field: ""}) == (Verdict.DOWN, reason)


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.slow
async def test_no_descriptor_is_left_behind(servers: Servers) -> None:
    tls = greeting(capabilities=CAPABILITIES | CLIENT.SSL)
    talks = (
        exchange(b"", hang=True),
        exchange(tls, hang=True),
        exchange(GREETING, LOGGED_IN, ROWS),
        exchange(GREETING, hang=True),
    )
    ports = [await servers.start(talk) for talk in talks]
    before = descriptors()
    for _ in range(3):
        await asyncio.gather(*(run(port, timeout=0.1) for port in ports))
    await servers.stop()
    async with asyncio.timeout(10):
        while descriptors() > before:
            await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    ("answers", "chunk"),
    [
        ((LOGGED_IN, packets(1, b"\xfc\xff\xff")), packets(0, *[COLUMN] * 256)),
        ((LOGGED_IN, packets(1, b"\x01", COLUMN, END)), b"\xff\xff\xff\x04" + b"x" * 65536),
        ((b"\xff\xff\xff\x02",), b"x" * 65536),
        ((), LOGGED_IN * 5000),
    ],
)
def test_a_flood_needs_little_memory(answers: tuple[bytes, ...], chunk: bytes) -> None:
    """On uvloop, which the daemon runs on; the other loop reads into 256 kB of its own."""
    with flood(answers, chunk, GREETING) as port:
        assert uvloop.run(peak(lambda: run(port, timeout=5.0))) < LITTLE


async def outcome() -> str:
    """Return the word or the reason that a session comes to."""
    await asyncio.sleep(0)  # or all of them were one turn of the loop (harness/loop_guard.py)
    try:
        return run_without_waiting(run_statement(target(3306), "SELECT 1")) or ""
    except (CheckFailed, OSError) as failed:
        return str(failed)


@pytest.mark.slow
def test_whatever_the_bytes_a_session_ends_in_a_row_or_a_reason(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    switch = packets(2, b"\xfemysql_native_password\0" + b"9" * 20 + b"\0") + packets(4, OK)
    modern = greeting("caching_sha2_password") + packets(2, b"\x01\x03", OK)
    seeds = [GREETING + LOGGED_IN + ROWS, GREETING + switch + ROWS, modern + ROWS]
    seeds += [GREETING + packets(2, error(1045, "no")), GREETING + LOGGED_IN + packets(1, error(1146, "no table"))]
    said = mutants(seeds, 20_000)

    async def connection(*_: object) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return connection_with(next(said))

    async def unfit() -> list[str]:
        words = [await outcome() for _ in range(20_000)]
        return [word for word in words if not word or not word.isprintable()]

    monkeypatch.setattr(aiomysql.connection, "_open_connection", connection)
    with caplog.at_level(logging.WARNING):
        assert asyncio.run(unfit()) == []
    assert caplog.messages == []


async def test_the_private_parts_of_aiomysql_that_are_used_are_there_and_its_version_is_bounded() -> None:
    ours = {
        name for name, value in vars(_MysqlSession).items() if callable(value) and name in vars(aiomysql.Connection)
    }
    overridden = {"__init__", "_read_packet", "_read_bytes", "_request_authentication", "_process_auth"}
    assert ours == overridden
    called = {"_get_server_information", "_execute_command", "write_packet"}
    assert called <= set(vars(aiomysql.Connection))
    made = vars(aiomysql.Connection("127.0.0.1"))
    assert {"_reader", "_writer", "_host", "_port", "_secure", "_server_auth_plugin", "_client_auth_plugin"} <= set(
        made
    )
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]["mysql"]
    assert {name.partition(">")[0] for name in wanted if ",<" in name} == {"aiomysql", "pymysql"}


async def test_a_certificate_that_is_refused_is_no_malformed_packet(
    servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error of ssl is an OSError and a ValueError."""

    async def refuse(*_: object, **__: object) -> None:
        error = ssl.SSLCertVerificationError("x")
        error.verify_message = "certificate is self-signed"
        raise error

    monkeypatch.setattr(asyncio.StreamWriter, "start_tls", refuse)
    port = await servers.start(exchange(greeting(capabilities=CAPABILITIES | CLIENT.SSL)))
    assert await run(port, tlsverify=True) == (Verdict.DOWN, "certificate is self-signed")
