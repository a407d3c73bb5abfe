"""Text of a configuration that is not UTF-8: the bytes of the file are sent and searched for."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path

import pytest

from harness.fakes.datagrams import answering as answering_datagrams
from harness.fakes.scripted import Servers, Talk, answering
from ldirectord_py.checks.base import Check, Kind, Target
from ldirectord_py.checks.checktypes import command
from ldirectord_py.checks.probe import probe
from ldirectord_py.checks.protocols import ber, postgres_messages, scram
from ldirectord_py.checks.protocols.dns_message import parse_query
from ldirectord_py.checks.protocols.http_request import first_request
from ldirectord_py.checks.protocols.sip_message import OptionsRequest
from ldirectord_py.checks.registry import checker_for, kinds
from ldirectord_py.config.load import load
from ldirectord_py.errors import CheckFailed
from ldirectord_py.health import Verdict
from ldirectord_py.ipvs.table import Protocol
from ldirectord_py.plan import plan
from ldirectord_py.runtime.limiter import Limiter

RAW = b"verf\xfcgbar"
TEXT = RAW.decode("utf-8", "surrogateescape")
LOCALHOST = ip_address("127.0.0.1")
PAGE = answering(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n" + RAW)


async def run(kind: str, port: int, **fields: str) -> tuple[Verdict, str]:
    target = Target(LOCALHOST, port, 10.0, **fields)  # type: ignore[arg-type]
    result = await probe(checker_for(Check(kind, target, 10.0)), target)
    return result.verdict, result.reason


async def test_a_page_in_latin1_matches_a_file_in_latin1(servers: Servers, tmp_path: Path) -> None:
    """The case ``latin1``."""
    file = tmp_path / "latin1.cf"
    text = f"virtual=192.0.2.9:80\n    real=127.0.0.1:{await servers.start(PAGE)} masq\n    service=http\n"
    file.write_bytes(text.encode() + b'    receive="' + RAW + b'"\n')
    (check,) = plan(load(str(file)).config, kinds())
    result = await probe(checker_for(check), check.target)
    assert (result.verdict, result.reason) == (Verdict.UP, "200 OK")


@pytest.mark.parametrize(
    ("receive", "expected"),
    [
        (TEXT, (Verdict.UP, "200 OK")),
        ("^verf[\udce4\udcfc]gbar$", (Verdict.UP, "200 OK")),
        (r"verf\xfcg", (Verdict.UP, "200 OK")),
        ("verfügbar", (Verdict.DOWN, 'receive /verfügbar/ not in 9 bytes: "verf\\xfcgbar"')),
        ("\udce4", (Verdict.DOWN, 'receive /\\xe4/ not in 9 bytes: "verf\\xfcgbar"')),
    ],
)
async def test_a_page_is_searched_for_the_bytes_of_the_file(
    servers: Servers, receive: str, expected: tuple[Verdict, str]
) -> None:
    assert await run("http", await servers.start(PAGE), receive=receive) == expected


@pytest.mark.parametrize("kind", ["simpletcp", "ftp"])
async def test_the_bytes_of_a_request_arrive(servers: Servers, kind: str) -> None:
    said = bytearray()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 ready\r\n" if kind == "ftp" else b"")
        while line := await reader.readline():
            said.extend(line)
            writer.write(b"530 no\r\n")

    await run(kind, await servers.start(talk), request=TEXT, login=TEXT)
    assert RAW in said


def listening(greeting: bytes, replies: Mapping[bytes, bytes], said: bytearray) -> Talk:
    """Return a talk that answers each line by its first word, or with ``+OK``, and keeps what is said to it."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(greeting)
        while line := await reader.readline():
            said.extend(line)
            writer.write(replies.get(line.split()[0], b"+OK\r\n"))

    return talk


@pytest.mark.parametrize(
    ("kind", "replies", "expected"),
    [
        ("pop", {b"CAPA": b"-ERR\r\n"}, [b"USER " + RAW, b"PASS " + RAW]),
        ("imap", {b"a1": b"a1 OK\r\n"}, [b'a1 LOGIN "%b" "%b"' % (RAW, RAW)]),
    ],
)
async def test_the_bytes_of_a_login_arrive(
    servers: Servers, kind: str, replies: Mapping[bytes, bytes], expected: list[bytes]
) -> None:
    said = bytearray()
    greeting = {"pop": b"+OK\r\n", "imap": b"* OK\r\n"}[kind]
    port = await servers.start(listening(greeting, replies, said))
    assert (await run(kind, port, login=TEXT, passwd=TEXT))[0] is Verdict.UP
    assert [line for line in expected if line not in said] == []


async def test_the_bytes_of_radius_arrive() -> None:
    async with answering_datagrams(lambda data: [data]) as server:
        target = Target(LOCALHOST, server.port, 0.2, Protocol.UDP, login=TEXT, passwd=TEXT, secret=TEXT)
        result = await probe(checker_for(Check("radius", target, 10.0)), target)
    assert result.verdict is Verdict.DOWN
    assert b"\x01\x0b" + RAW in server.heard[0]


def test_the_bytes_of_an_http_request() -> None:
    head = first_request(
        "http", Target(LOCALHOST, 80, 5.0, request=f"/{TEXT}?{TEXT}", virtualhost=f"{TEXT}\r\nX: y")
    ).head
    assert head.splitlines()[:2] == [b"GET /verf%FCgbar?verf%FCgbar HTTP/1.1", b"Host: " + RAW + b"X: y"]
    authorized = first_request("http", Target(LOCALHOST, 80, 5.0, request=f"http://{TEXT}:%e4%C3%BC@192.0.2.1/")).head
    assert b"Authorization: Basic dmVyZvxnYmFyOuTDvA==" in authorized
    with pytest.raises(CheckFailed, match=r"^the URL is malformed$"):
        first_request("http", Target(LOCALHOST, 80, 5.0, request=f"http://{TEXT}/"))
    tls = first_request("https", Target(LOCALHOST, 443, 5.0, virtualhost=TEXT, tlsname=TEXT)).tls
    assert tls is not None
    assert tls.name == "127.0.0.1"  # no name that TLS can carry


def test_the_bytes_of_other_messages() -> None:
    assert ber.text(TEXT).endswith(RAW)
    assert postgres_messages.text(TEXT) == RAW + b"\0"
    assert scram.saslprep(TEXT) == RAW
    assert b"sip:" + RAW + b" SIP/2.0\r\n" in OptionsRequest(TEXT, Protocol.UDP, (LOCALHOST, 5060), "x").encoded
    assert b"\x09" + RAW + b"\x07example\0" in parse_query(f"{TEXT}.example A").encoded
    with pytest.raises(CheckFailed, match=r'^request asks for what is not a DNS name: "(\\xfc){64}"$'):
        _ = parse_query("\udcfc" * 64).encoded


async def test_a_command_gets_the_bytes_of_the_file() -> None:
    assert await command.run(("sh", "-c", 'printf %s "$1" | od -An -tx1', "sh", TEXT), Limiter(1)) == RAW.hex(" ")


async def test_oracle_refuses_text_that_is_not_utf_8(servers: Servers) -> None:
    port = await servers.start(answering())
    fields = {"login": TEXT, "request": "SELECT 1", "database": "X"}
    assert (await run("oracle", port, **fields))[1].startswith("Oracle's driver takes UTF-8 only")


@pytest.mark.parametrize("word", [TEXT, "pässwort"])
async def test_an_echoed_secret_is_masked_in_any_encoding(word: str) -> None:
    async def failing(target: Target) -> str:
        raise CheckFailed(f"{target.passwd}, or: verf\\xfcgbar pässwort {TEXT}")

    target = Target(LOCALHOST, 80, 5.0, passwd=word)
    reason = (await probe(Kind("x", failing).check or failing, target)).reason
    assert (
        reason
        == {
            TEXT: "***, or: *** pässwort ***",
            "pässwort": "***, or: verf\\xfcgbar *** verf\\xfcgbar",
        }[word]
    )
