from __future__ import annotations

import asyncio
from ipaddress import ip_address
from typing import Any

import pytest

from harness.scripted import Servers, Talk, dialogue, hanging, saying
from ldirectord_py.checks.base import Target
from ldirectord_py.checks.probe import probe
from ldirectord_py.checks.services import KINDS
from ldirectord_py.health import Verdict

JOE: dict[str, Any] = {"login": "joe", "passwd": "hunter2"}


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
        ("pop", dialogue(b"+OK ready\r\n", b"+OK\r\n", b"+OK 0 messages\r\n", b"+OK\r\n"), JOE, "+OK ready"),
        ("imap", dialogue(b"* OK ready\r\n", b"* BYE\r\na2 OK\r\n"), {}, "* OK ready"),
        ("imap", dialogue(b"* OK ready\r\n", b"* CAPABILITY X\r\na1 OK in\r\n"), JOE, "* OK ready"),
        ("imap", dialogue(b"* PREAUTH ready\r\n"), JOE, "* PREAUTH ready"),
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
        ("nntp", saying(b"400 closed\r\n"), {}, 'expected 2, got "400 closed"'),
        ("nntp", saying(b"\x00\xff\n"), {}, 'expected 2, got "\\x00\\xff"'),
        ("nntp", saying(b"20"), {}, 'closed by server after "20"'),
        ("pop", saying(), {}, "closed by server"),
        ("pop", saying(b"-ERR\r\n"), {}, 'expected +OK, got "-ERR"'),
        ("pop", dialogue(b"+OK\r\n", b"+OK\r\n", b"-ERR hunter2?\r\n"), JOE, 'expected +OK, got "-ERR ***?"'),
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
    port = await servers.start(hanging(b"+OK\r\n+OK\r\n"))
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


@pytest.mark.parametrize("kind", ["pops", "imaps"])
async def test_tls_kinds_refuse_a_plain_server(servers: Servers, kind: str) -> None:
    port = await servers.start(saying(b"* OK +OK\r\n" * 10))
    assert await run(kind, port) == (Verdict.DOWN, "TLS: wrong version number")


def ftp_server(servers: Servers, content: bytes, login: bytes = b"230 in\r\n") -> Talk:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220-hello\r\n220 ftp\r\n")
        while line := (await reader.readline()).decode().strip():
            verb = line.split()[0]
            if verb == "PASV":
                port = await servers.start(saying(content))
                writer.write(b"227 Entering (10,255,255,1,%d,%d)\r\n" % (port >> 8, port & 255))
            elif verb == "RETR":
                writer.write(b"150 here\r\n226 done\r\n" if line == "RETR /alive" else b"550 no file\r\n")
            else:
                writer.write({"USER": b"331 who?\r\n", "PASS": login}.get(verb, b"200 ok\r\n"))

    return talk


async def test_ftp_logs_in_and_fetches(servers: Servers) -> None:
    port = await servers.start(ftp_server(servers, b"still alive\n"))
    assert await run("ftp", port, request="/", **JOE) == (Verdict.UP, "logged in")
    fetched = await run("ftp", port, request="/alive", receive="alive", **JOE)
    assert fetched == (Verdict.UP, "fetched 12 bytes")
    mismatch = await run("ftp", port, request="/alive", receive="dead", **JOE)
    assert mismatch == (Verdict.DOWN, 'receive pattern not in 12 bytes of file: "still alive\\n"')
    missing = await run("ftp", port, request="/gone", **JOE)
    assert missing == (Verdict.DOWN, 'expected 1, got "550 no file"')


async def test_ftp_without_the_right_password_is_down(servers: Servers) -> None:
    port = await servers.start(ftp_server(servers, b"", login=b"530 no\r\n"))
    assert await run("ftp", port, request="/", **JOE) == (Verdict.DOWN, 'expected 2, got "530 no"')
