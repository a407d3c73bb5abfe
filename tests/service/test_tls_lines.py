"""The checks over TLS against a server that uses OpenSSL itself."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from collections.abc import AsyncIterator
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from harness.fakes.scripted import Servers, Talk, dialogue, hanging, servers
from harness.servers.certificates import self_signed
from ldirectord_py.checks.base import Target
from ldirectord_py.checks.probe import probe
from ldirectord_py.checks.services import KINDS
from ldirectord_py.health import Verdict

JOE: dict[str, Any] = {"login": "joe", "passwd": "hunter2"}


@pytest.fixture
async def place() -> AsyncIterator[Servers]:
    async with servers() as started:
        yield started


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    folder: Path = tmp_path_factory.mktemp("tls")
    made = self_signed(folder, "mail.example.com", expired=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made.certificate, made.key)
    return context


async def run(kind: str, port: int, seconds: float = 20.0, **fields: Any) -> tuple[Verdict, str]:
    check = KINDS[kind].check
    assert check is not None
    result = await probe(check, Target(ip_address("127.0.0.1"), port, seconds, **fields))
    return result.verdict, result.reason


@pytest.mark.parametrize(
    ("kind", "talk", "expected"),
    [
        ("pops", dialogue(b"+OK hi\r\n", b"-ERR\r\n", b"+OK\r\n", b"+OK\r\n"), (Verdict.UP, "+OK hi")),
        (
            "pops",
            dialogue(b"+OK hi\r\n", b"-ERR\r\n", b"+OK\r\n", b"-ERR\r\n"),
            (Verdict.DOWN, "login refused: -ERR"),
        ),
        ("imaps", dialogue(b"* OK hi\r\n", b"a1 OK\r\n", b"* BYE\r\n"), (Verdict.UP, "* OK hi")),
        ("imaps", dialogue(b"* OK hi\r\n", b"a1 NO\r\n"), (Verdict.DOWN, "login refused: a1 NO")),
    ],
)
async def test_mail_over_tls(
    place: Servers, tls: ssl.SSLContext, kind: str, talk: Talk, expected: tuple[Verdict, str]
) -> None:
    assert expected == await run(kind, await place.start(talk, tls=tls), **JOE)


@pytest.mark.parametrize(
    ("kind", "phase"),
    [("pops", "connected, no greeting"), ("imaps", "connected, no greeting"), ("https", "connected, no answer")],
)
async def test_silence_over_tls(place: Servers, tls: ssl.SSLContext, kind: str, phase: str) -> None:
    port = await place.start(hanging(), tls=tls)
    assert await run(kind, port, 0.5) == (Verdict.DOWN, f"no answer within 0.5 s ({phase})")


async def test_F12_a_close_without_a_goodbye_ends_an_answer_without_a_length(
    place: Servers, tls: ssl.SSLContext
) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.0 200 OK\r\n\r\nalive")
        await writer.drain()
        with socket.socket(fileno=os.dup(writer.get_extra_info("socket").fileno())) as connection:
            connection.shutdown(socket.SHUT_WR)
        await asyncio.Event().wait()

    assert await run("https", await place.start(talk, tls=tls), receive="^alive$") == (Verdict.UP, "200 OK")


async def test_a_long_body_over_tls(place: Servers, tls: ssl.SSLContext) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.0 200 OK\r\n\r\n" + b"x" * 1_000_000 + b"alive\n")

    assert await run("https", await place.start(talk, tls=tls), receive="alive$") == (Verdict.UP, "200 OK")
