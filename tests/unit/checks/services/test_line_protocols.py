from __future__ import annotations

import asyncio
from ipaddress import ip_address
from typing import Any

import pytest

from harness.fakes.scripted import Servers, Talk, dialogue, hanging, saying
from ldirectord_py.checks.base import Target
from ldirectord_py.checks.probe import probe
from ldirectord_py.checks.services import KINDS
from ldirectord_py.health import Verdict

JOE: dict[str, Any] = {"login": "joe", "passwd": "hunter2"}
TLS: dict[str, Any] = {"starttls": True}


async def run(kind: str, port: int, seconds: float = 10.0, **fields: Any) -> tuple[Verdict, str]:
    check = KINDS[kind].check
    assert check is not None
    result = await probe(check, Target(ip_address("127.0.0.1"), port, seconds, **fields))
    return result.verdict, result.reason


@pytest.mark.parametrize(
    ("kind", "talk", "fields", "word"),
    [
        ("smtp", dialogue(b"220 mx\r\n", b"250-mx\r\n250 SIZE\r\n", b"221 bye\r\n"), {}, "220 mx"),
        ("smtp", dialogue(b"220-a\r\n220 b\r\n", b"500 what?\r\n", b"250 mx\r\n"), {}, "220 b"),
        ("submission", dialogue(b"220 mx\r\n", b"250 mx\r\n"), {}, "220 mx"),
        ("nntp", dialogue(b"200 news\r\n"), {}, "200 news"),
        ("nntp", dialogue(b"201 read only\n"), {}, "201 read only"),
        ("pop", dialogue(b"+OK ready\r\n", b"+OK\r\n"), {}, "+OK ready"),
        (
            "pop",
            dialogue(b"+OK ready\r\n", b"-ERR\r\n", b"+OK\r\n", b"+OK 0 messages\r\n", b""),
            JOE,
            "+OK ready",
        ),
        ("imap", dialogue(b"* OK ready\r\n", b"* BYE\r\na2 OK\r\n"), {}, "* OK ready"),
        ("imap", dialogue(b"* OK ready\r\n", b"* CAPABILITY X\r\na1 OK in\r\n"), JOE, "* OK ready"),
        ("imap", dialogue(b"* PREAUTH ready\r\n"), JOE, "* PREAUTH ready"),
        ("imap", dialogue(b"* ok ready\r\n", b"* bye?\r\na1 ok in\r\n"), JOE, "* ok ready"),
        ("imap", dialogue(b"* Preauth ready\r\n"), JOE, "* Preauth ready"),
        ("pop", dialogue(b"+ok ready\r\n", b"-err\r\n", b"+Ok\r\n", b"+ok\r\n"), JOE, "+ok ready"),
    ],
)
async def test_servers_in_order_are_up(
    servers: Servers, kind: str, talk: Talk, fields: dict[str, Any], word: str
) -> None:
    assert await run(kind, await servers.start(talk), **fields) == (Verdict.UP, word)


@pytest.mark.parametrize(
    ("kind", "talk", "fields", "reason"),
    [
        ("smtp", saying(b"554 no\r\n"), {}, 'expected 2, got "554 no"'),
        ("smtp", dialogue(b"220 mx\r\n", b"421 busy\r\n"), {}, 'expected 2 or 5, got "421 busy"'),
        ("smtp", dialogue(b"220 mx\r\n", b"500 what?\r\n", b"550 no\r\n"), {}, 'expected 2, got "550 no"'),
        ("smtp", saying(b"220-more\r\n" * 300), {}, "a reply of more than 200 lines"),
        ("smtp", saying(b"x" * 100_000), {}, "a line longer than 16 kB"),
        ("smtp", dialogue(b"220 mx\r\n", b"250 mx\r\n"), TLS, "the server offers no STARTTLS"),
        ("smtp", dialogue(b"220 mx\r\n", b"500\r\n", b"250 mx\r\n"), TLS, "the server offers no STARTTLS"),
        (
            "submission",
            dialogue(b"220 mx\r\n", b"250-mx\r\n250 starttls\r\n", b"454 no key\r\n"),
            TLS,
            'expected 2, got "454 no key"',
        ),
        (
            "smtp",
            dialogue(b"220 mx\r\n", b"250-mx\r\n250 STARTTLS\r\n", b"220 go\r\n250 evil\r\n"),
            TLS,
            'more than an answer before TLS: "250 evil\\r\\n"',
        ),
        ("nntp", saying(b"400 closed\r\n"), {}, 'expected 2, got "400 closed"'),
        ("nntp", saying(b"\x00\xff\n"), {}, 'expected 2, got "\\x00\\xff"'),
        ("nntp", saying(b"20"), {}, 'closed by server after "20"'),
        ("pop", saying(), {}, "closed by server"),
        ("pop", saying(b"-ERR\r\n"), {}, 'expected +OK, got "-ERR"'),
        (
            "pop",
            dialogue(b"+OK\r\n", b"-ERR\r\n", b"+OK\r\n", b"-ERR hunter2?\r\n"),
            JOE,
            "login refused: -ERR ***?",
        ),
        ("pop", dialogue(b"+OK\r\n", b"-ERR\r\n", b"-ERR who?\r\n"), JOE, "login refused: -ERR who?"),
        ("pop", dialogue(b"+OK\r\n", b"-ERR\r\n", b"-err who?\r\n"), JOE, "login refused: -err who?"),
        ("pop", dialogue(b"+OK\r\n", b"OK\r\n"), JOE, 'expected +OK or -ERR, got "OK"'),
        ("imap", saying(b"* BYE\r\n"), {}, 'expected * OK or * PREAUTH, got "* BYE"'),
        ("imap", dialogue(b"* OK\r\n", b"a1 NO hunter2\r\n"), JOE, "login refused: a1 NO ***"),
        ("imap", dialogue(b"* OK\r\n", b"* x\r\n" * 300), JOE, "no answer to LOGIN among 200 lines"),
    ],
)
async def test_servers_out_of_order_are_down_with_the_evidence(
    servers: Servers, kind: str, talk: Talk, fields: dict[str, Any], reason: str
) -> None:
    assert await run(kind, await servers.start(talk), **fields) == (Verdict.DOWN, reason)


async def test_silent_servers_are_down_at_the_deadline(servers: Servers) -> None:
    port = await servers.start(hanging())
    kinds = ("smtp", "submission", "nntp", "pop", "imap", "ftp")
    expected = (Verdict.DOWN, "no answer within 0.3 s (connected, no greeting)")
    assert [expected] * 6 == await asyncio.gather(*(run(kind, port, 0.3) for kind in kinds))


async def test_the_command_without_an_answer_is_named_but_not_its_secret(servers: Servers) -> None:
    port = await servers.start(hanging(b"+OK\r\n-ERR what?\r\n+OK\r\n"))
    expected = (Verdict.DOWN, "no answer within 0.3 s (connected, no answer to PASS)")
    assert expected == await run("pop", port, 0.3, **JOE)


async def test_an_imap_login_is_quoted(servers: Servers) -> None:
    seen = asyncio.get_running_loop().create_future()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"* OK\r\n")
        seen.set_result(await reader.readline())
        writer.write(b"a1 OK\r\n")

    await run("imap", await servers.start(talk), login="joe", passwd='a "b\\')
    assert seen.result() == b'a1 LOGIN "joe" "a \\"b\\\\"\r\n'


async def test_a_server_that_begins_no_tls_after_all_is_down(servers: Servers) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for answer in (b"220 mx\r\n", b"250-mx\r\n250 STARTTLS\r\n", b"220 go\r\n"):
            writer.write(answer)
            await reader.readline()
        await reader.read(1)
        writer.write(b"x" * 1000)
        await reader.read()

    port = await servers.start(talk)
    assert await run("smtp", port, starttls=True) == (Verdict.DOWN, "TLS: no TLS on this port")


async def test_a_server_that_stalls_the_handshake_is_down_at_the_deadline(servers: Servers) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for answer in (b"220 mx\r\n", b"250-mx\r\n250 STARTTLS\r\n", b"220 go\r\n"):
            writer.write(answer)
            await reader.readline()
        await asyncio.Event().wait()

    expected = (Verdict.DOWN, "no answer within 0.3 s (connected, TLS handshake not done)")
    assert expected == await run("smtp", await servers.start(talk), 0.3, starttls=True)


@pytest.mark.parametrize("kind", ["pops", "imaps"])
async def test_tls_kinds_refuse_a_plain_server(servers: Servers, kind: str) -> None:
    port = await servers.start(saying(b"* OK +OK\r\n" * 10))
    assert await run(kind, port) == (Verdict.DOWN, "TLS: no TLS on this port")
