"""``service = ftp`` against servers that say what a test tells them to; a real one is in the service tier."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any

import pytest

from harness.fakes.scripted import Servers, Talk, closed_port, hanging, reset, saying
from ldirectord_py.checks import effort
from ldirectord_py.checks.base import Target
from ldirectord_py.checks.probe import probe
from ldirectord_py.checks.services import ftp
from ldirectord_py.checks.services.ftp import MAX_FILE, OVERLAP, SEARCH_SIZE
from ldirectord_py.health import Verdict

ALIVE = b"still alive\n"
USUAL: Mapping[str, bytes] = {
    "USER": b"331 who?\r\n",
    "PASS": b"230-welcome\r\n230 in\r\n",
    "TYPE": b"200 binary\r\n",
    "RETR": b"150 here\r\n226 done\r\n",
}


async def run(port: int, seconds: float = 10.0, host: str = "127.0.0.1", **fields: Any) -> tuple[Verdict, str]:
    words = {"login": "joe", "passwd": "hunter2", "request": "/alive", **fields}
    result = await probe(ftp.check, Target(ip_address(host), port, seconds, **words))
    return result.verdict, result.reason


async def server(servers: Servers, data: Talk | None = None, host: str = "127.0.0.1", **answers: Any) -> int:
    """Start a server with other answers than the usual, and ``data`` on the port for data."""
    port = closed_port(host) if data is None else await servers.start(data, host)
    replies = {**USUAL, "PASV": b"227 go (10,255,255,1,%d,%d)\r\n" % divmod(port, 256)}
    replies |= {"EPSV": b"229 go (|||%d|)\r\n" % port, **answers}

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220-hello\r\n220 ftp\r\n")
        while verb := (await reader.readline()).decode().strip().partition(" ")[0]:
            writer.write(replies.get(verb, b"500 what?\r\n"))

    return await servers.start(talk, host)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_a_file_is_fetched_from_the_server_itself_whatever_address_it_names(servers: Servers, host: str) -> None:
    port = await server(servers, saying(ALIVE), host)
    assert await run(port, host=host, receive="alive") == (Verdict.UP, "fetched 12 bytes")
    expected = (Verdict.DOWN, 'receive pattern not in 12 bytes of file: "still alive\\n"')
    assert expected == await run(port, host=host, receive="dead")


@pytest.mark.parametrize("request_", ["/", ""])
async def test_without_a_file_to_fetch_a_login_is_enough(servers: Servers, request_: str) -> None:
    port = await server(servers)
    assert await run(port, request=request_) == (Verdict.UP, "logged in")
    assert (await run(port, request=request_, receive="x"))[0] is Verdict.DOWN


async def test_a_user_may_need_no_password(servers: Servers) -> None:
    port = await server(servers, USER=b"230 in\r\n", PASS=b"503 you are in\r\n")
    assert await run(port, request="/") == (Verdict.UP, "logged in")


@pytest.mark.parametrize(
    ("answers", "reason"),
    [
        ({"USER": b"530 nobody\r\n"}, "USER refused: 530 nobody"),
        ({"PASS": b"530 hunter2?\r\n"}, "PASS refused: 530 ***?"),
        ({"PASS": b"332 account?\r\n"}, 'expected 2 or 4 or 5, got "332 account?"'),
        ({"TYPE": b"504 no\r\n"}, "TYPE refused: 504 no"),
        ({"PASV": b"421 too many\r\n"}, "PASV refused: 421 too many"),
        ({"PASV": b"227 go\r\n"}, "no usable port for data: 227 go"),
        ({"PASV": b"227 (1,2,3,4,0,0)\r\n"}, "no usable port for data: 227 (1,2,3,4,0,0)"),
        ({"PASV": b"227 (1,2,3,4,999,9)\r\n"}, "no usable port for data: 227 (1,2,3,4,999,9)"),
        ({"RETR": b"550 no file\r\n"}, "RETR refused: 550 no file"),
        ({"RETR": b"150 here\r\n426 aborted\r\n"}, 'expected 2, got "426 aborted"'),
    ],
)
async def test_a_refused_command_is_the_reason(servers: Servers, answers: dict[str, Any], reason: str) -> None:
    assert await run(await server(servers, saying(ALIVE), **answers)) == (Verdict.DOWN, reason)


async def test_a_port_for_data_that_is_closed(servers: Servers) -> None:
    expected = (Verdict.DOWN, "connect refused (connected, no connection for data)")
    assert expected == await run(await server(servers))


@pytest.mark.parametrize(
    ("data", "answers", "phase"),
    [
        (saying(), {"PASS": b""}, "no answer to PASS"),
        (saying(), {"PASV": b""}, "no answer to PASV"),
        (saying(), {"RETR": b""}, "no answer to RETR"),
        (hanging(ALIVE), {}, "file not complete"),
        (saying(ALIVE), {"RETR": b"150 here\r\n"}, "no word that the file is complete"),
    ],
)
async def test_silence_is_down_at_the_deadline(
    servers: Servers, data: Talk, answers: dict[str, Any], phase: str
) -> None:
    expected = (Verdict.DOWN, f"no answer within 0.2 s (connected, {phase})")
    assert expected == await run(await server(servers, data, **answers), 0.2)


@pytest.mark.parametrize("before", [0, SEARCH_SIZE - 3, SEARCH_SIZE - OVERLAP, 3 * SEARCH_SIZE + 5])
async def test_a_pattern_is_found_anywhere(servers: Servers, before: int) -> None:
    port = await server(servers, saying(b"x" * before + b"alive" + b"y" * SEARCH_SIZE))
    expected = (Verdict.UP, f"fetched {before + 5 + SEARCH_SIZE} bytes")
    assert expected == await run(port, receive="alive")


@pytest.mark.parametrize("receive", ["^x", "alive$"])
async def test_the_ends_of_the_file_are_its_own(servers: Servers, receive: str) -> None:
    long = b"x" * (SEARCH_SIZE - 5) + b"alive" + b"y" * SEARCH_SIZE
    assert (await run(await server(servers, saying(b"x" + long + b"alive")), receive=receive))[0] is Verdict.UP
    assert (await run(await server(servers, saying(b"y" + long)), receive=receive))[0] is Verdict.DOWN


async def test_an_endless_file_is_down(servers: Servers) -> None:
    async def endless(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while not writer.is_closing():
            writer.write(bytes(1024 * 1024))
            await writer.drain()

    expected = (Verdict.DOWN, f"file longer than {MAX_FILE // 1024 // 1024} MB")
    assert expected == await run(await server(servers, endless), 30.0)


@pytest.mark.parametrize("answer", ["(|||%d|)", "(!!!%d!)", "(---%d-)", "(222%d2)", "go (~~~%d~). Now (really)"])
async def test_the_port_for_data_may_be_between_any_delimiters_of_rfc_2428(servers: Servers, answer: str) -> None:
    data = await servers.start(saying(ALIVE), "::1")
    port = await server(servers, host="::1", EPSV=f"229 {answer % data}\r\n".encode())
    assert await run(port, host="::1", receive="alive") == (Verdict.UP, "fetched 12 bytes")


@pytest.mark.parametrize("answer", ["(|||x|)", "(||!1024|)", "(|||1024!)", "(|||99999|)", "(|||0|)", "(   1024 )"])
async def test_an_answer_without_a_port_for_data(servers: Servers, answer: str) -> None:
    port = await server(servers, host="::1", EPSV=f"229 {answer}\r\n".encode())
    assert await run(port, host="::1") == (Verdict.DOWN, f"no usable port for data: 229 {answer}")


async def test_lines_within_a_reply_need_no_code(servers: Servers) -> None:
    """RFC 959, 4.2."""
    port = await server(servers, saying(ALIVE), PASS=b"230-Welcome\r\n   to 331 things\r\n\r\n230 in\r\n")
    assert await run(port, receive="alive") == (Verdict.UP, "fetched 12 bytes")


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (b"226 done", (Verdict.UP, "fetched 12 bytes")),
        (b"426 aborted", (Verdict.DOWN, 'expected 2, got "426 aborted"')),
    ],
)
async def test_a_reset_ends_the_file_as_a_close_does(
    servers: Servers, reply: bytes, expected: tuple[Verdict, str]
) -> None:
    async def resetting(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(ALIVE)
        await writer.drain()
        await asyncio.sleep(0)  # uvloop sends at the end of a turn
        reset(writer)

    port = await server(servers, resetting, RETR=b"150 here\r\n" + reply + b"\r\n")
    assert await run(port, receive="alive") == expected


async def test_a_file_in_endless_tiny_pieces_ends_at_the_limit(
    servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while not writer.transport.is_closing():
            writer.write(b"x")
            await asyncio.sleep(0.001)

    monkeypatch.setattr(effort, "MAX_STEPS", 100 * effort.READ)
    expected = (Verdict.DOWN, "the answer comes in too many small pieces")
    assert expected == await run(await server(servers, talk), seconds=60.0)
