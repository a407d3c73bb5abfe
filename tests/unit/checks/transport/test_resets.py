"""A server that answers and resets the connection is judged by its answer, as one that closes it."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable
from ipaddress import ip_address
from typing import Any

import pytest

from harness.fakes.answers import dns_answer, sip_answer
from harness.fakes.ldap import BIND, DONE, entry, result
from harness.fakes.scripted import Servers, Talk, reset
from ldirectord_py.checks.base import Target
from ldirectord_py.checks.probe import probe
from ldirectord_py.checks.services import KINDS
from ldirectord_py.health import Verdict
from ldirectord_py.ipvs.table import Protocol

ROUNDS = 20
"""Probes for each case: what a loop sees first of data and reset is a race."""

OVER_TCP = ("dns", "ftp", "imap", "ldap", "mysql", "nntp", "pgsql", "pop", "simpletcp", "sip", "smtp")

MANY_ROUNDS = 300
"""Probes of servers that reset at once, among the slow tests."""


def resetting(*pieces: bytes) -> Talk:
    """Return a talk that says it all at once, before anything is asked, and resets the connection."""

    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for piece in pieces:
            writer.write(piece)
        await writer.drain()
        await asyncio.sleep(0)  # uvloop sends at the end of a turn
        reset(writer)

    return talk


def answering(*answers: Callable[[bytes], bytes]) -> Talk:
    """Return a talk that answers each piece that comes with the next of the answers, and then resets the connection."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for answer in answers:
            writer.write(answer(await reader.read(65536)))
            await writer.drain()
        await asyncio.sleep(0)
        reset(writer)

    return talk


def pg(kind: bytes, body: bytes = b"") -> bytes:
    return kind + struct.pack("!I", len(body) + 4) + body


async def run(kind: str, port: int, **fields: Any) -> tuple[Verdict, str]:
    check = KINDS[kind].check
    assert check is not None
    given = {"protocol": Protocol.TCP, "request": "", **fields}
    result = await probe(check, Target(ip_address("127.0.0.1"), port, 10.0, **given))
    return result.verdict, result.reason


@pytest.mark.parametrize(
    ("kind", "said", "expected"),
    [
        ("nntp", b"200 news\r\n", (Verdict.UP, "200 news")),
        ("pop", b"+OK ready\r\n", (Verdict.UP, "+OK ready")),
        ("imap", b"* OK ready\r\n", (Verdict.UP, "* OK ready")),
        ("smtp", b"220 mx\r\n250 mx\r\n", (Verdict.UP, "220 mx")),
        ("smtp", b"220 mx\r\n421 busy\r\n", (Verdict.DOWN, 'expected 2 or 5, got "421 busy"')),
        ("ftp", b"220 ftp\r\n230 in\r\n", (Verdict.UP, "logged in")),
        ("ftp", b"421 too many\r\n", (Verdict.DOWN, 'expected 2, got "421 too many"')),
        ("ldap", result(1, BIND) + entry(2, b"") + result(2, DONE), (Verdict.UP, 'found ""')),
        ("simpletcp", b"all is well\n", (Verdict.UP, '"all is well"')),
        ("simpletcp", b"x\nall is well", (Verdict.UP, '"all is well"')),
        (
            "simpletcp",
            b"x\nout of sync",
            (Verdict.DOWN, 'closed by server (receive /well/ not in 13 bytes, last "out of sync")'),
        ),
        ("simpletcp", b"", (Verdict.DOWN, "reset by server (connected, no answer)")),
    ],
)
async def test_what_a_server_said_before_a_reset_counts(
    servers: Servers, kind: str, said: bytes, expected: tuple[Verdict, str]
) -> None:
    port = await servers.start(resetting(said))
    fields = {"receive": "well", "request": "/ping"} if kind == "simpletcp" else {}
    assert {expected} == {await run(kind, port, **fields) for _ in range(ROUNDS)}


@pytest.mark.parametrize(
    ("kind", "answers", "fields", "expected"),
    [
        ("sip", (sip_answer,), {"login": "joe"}, (Verdict.UP, "200 OK")),
        (
            "dns",
            (lambda data: struct.pack("!H", len(answer := dns_answer(data[2:], "A 192.0.2.9"))) + answer,),
            {"request": "/www.example.com"},
            (Verdict.UP, "192.0.2.9"),
        ),
        (
            "pgsql",
            (
                lambda _: b"N",
                lambda _: pg(b"R", bytes(4)) + pg(b"Z", b"I"),
                lambda _: pg(b"D", bytes(2)) + pg(b"C", b"SELECT 1\0") + pg(b"Z", b"I"),
            ),
            {"login": "joe", "request": "SELECT 1"},
            (Verdict.UP, "got a row"),
        ),
        (
            "pgsql",
            (lambda _: b"N", lambda _: pg(b"E", b"SFATAL\0C53300\0Mtoo many clients\0\0")),
            {"login": "joe", "request": "SELECT 1"},
            (Verdict.DOWN, "too many clients"),
        ),
    ],
)
async def test_F4_an_answer_before_a_reset_counts(
    servers: Servers,
    kind: str,
    answers: tuple[Callable[[bytes], bytes], ...],
    fields: dict[str, Any],
    expected: tuple[Verdict, str],
) -> None:
    port = await servers.start(answering(*answers))
    assert {expected} == {await run(kind, port, **fields) for _ in range(ROUNDS)}


@pytest.mark.parametrize("rounds", [ROUNDS, pytest.param(MANY_ROUNDS, marks=pytest.mark.slow)])
@pytest.mark.parametrize("kind", OVER_TCP)
async def test_F4_a_server_that_resets_at_once_is_down_in_words(servers: Servers, kind: str, rounds: int) -> None:
    port = await servers.start(resetting())
    fields = {"login": "joe", "request": "/SELECT 1"} if kind in {"mysql", "pgsql"} else {}
    found = {await run(kind, port, **fields) for _ in range(rounds)}
    assert {verdict for verdict, _ in found} == {Verdict.DOWN}
    assert {reason.partition(" (")[0] for _, reason in found} <= {"reset by server", "closed by server"}
