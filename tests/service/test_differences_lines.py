"""docs/differences.md, checks of mail, file and line protocols: each row is compared with the original itself."""

from __future__ import annotations

import asyncio

import pytest

from harness.comparison.checks import both, of_one, original, ours, site
from harness.comparison.perl import needs_original
from harness.fakes.scripted import Servers, Talk, closed_port, replying, saying, servers

pytestmark = needs_original

GARBAGE = saying(b"garbage\r\n")
SMTP = replying(b"220 mx\r\n", {}, b"250 mx\r\n")
POP = replying(b"+OK ready\r\n", {"CAPA": b"-ERR what?\r\n"}, b"+OK\r\n")
LOGIN = 'login="joe"\npasswd="hunter2"'


@pytest.mark.difference("smtp, submission")
@pytest.mark.parametrize("kind", ["smtp", "submission"])
async def test_mail_servers(kind: str) -> None:
    assert await of_one(SMTP, f"service={kind}") == ("up", "up: 220 mx")
    refused, said = await of_one(SMTP, f"service={kind}\nstarttls=yes")
    assert refused.startswith("refused: Unknown command")
    assert said == "down: the server offers no STARTTLS"


@pytest.mark.parametrize(
    ("talk", "directives", "expected"),
    [
        (POP, "service=pop", ("up", "up: +OK ready")),
        (POP, f"service=pop\n{LOGIN}", ("up", "up: +OK ready")),
        (GARBAGE, "service=pop", ("up", 'down: expected +OK, got "garbage"')),
        (GARBAGE, f"service=pop\n{LOGIN}", ("down", 'down: expected +OK, got "garbage"')),
        (GARBAGE, "service=smtp", ("down", 'down: expected 2, got "garbage"')),
    ],
)
@pytest.mark.difference("pop, imap, smtp, ftp")
async def test_who_must_greet(talk: Talk, directives: str, expected: tuple[str, str]) -> None:
    assert expected == await of_one(talk, directives)


@pytest.mark.difference("pop, imap, smtp, ftp")
async def test_a_mailbox_that_nobody_serves() -> None:
    assert await both(site(closed_port(), "service=pop")) == ("up", "down: connect refused")


@pytest.mark.difference("imap with a login, to a server that greets with `PREAUTH`")
async def test_a_login_that_is_not_needed() -> None:
    """The original asks port 143 alone, which takes root to listen on."""
    async with servers() as place:
        port = await place.start(replying(b"* PREAUTH ready\r\n", {}, b"a1 BAD\r\n"))
        assert await ours(site(port, f"service=imap\n{LOGIN}")) == "up: * PREAUTH ready"


@pytest.mark.difference("nntp: a greeting that does not end its line")
async def test_a_greeting_without_an_end() -> None:
    assert await of_one(saying(b"200 news"), "service=nntp") == ("up", 'down: closed by server after "200 news"')


@pytest.mark.difference("pop, imap, smtp, ftp: the deadline")
async def test_a_greeting_in_drops() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(8):
            writer.write(b"220-not yet\r\n")
            await asyncio.sleep(0.4)
        await SMTP(reader, writer)

    expected = ("up", "down: no answer within 2 s (connected, no greeting)")
    assert expected == await of_one(talk, "service=smtp\nchecktimeout=2\nnegotiatetimeout=2")


@pytest.mark.difference("imap, imaps: the port")
@pytest.mark.difference("http, https, http_proxy, pop, imap, ping over IPv6")
async def test_where_mailboxes_are() -> None:
    async with servers() as place:
        talk = replying(b"* OK ready\r\n", {}, b"0 OK\r\n")
        four, six = [site(await place.start(talk, host), "service=imap", host=host) for host in ("127.0.0.1", "::1")]
        asked = [original(text) for text in (four, four.replace("imap", "imaps"), six)]
        assert (await asyncio.gather(*asked))[2] == "down"  # each tries twice, in 5 s
        assert place.connections == 0
        assert (await ours(four), await ours(six)) == ("up: * OK ready", "up: * OK ready")


@pytest.mark.difference("simpletcp without `receive`")
@pytest.mark.parametrize(("request_", "expected"), [("PING", "up"), ("PING\\n", "down")])
async def test_nothing_to_receive(request_: str, expected: str) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.write(b"PONG\n")

    assert await of_one(talk, f'service=simpletcp\nrequest="{request_}"') == (expected, 'up: "PONG"')


@pytest.mark.difference("simpletcp: escapes in request")
@pytest.mark.parametrize(
    ("request_", "original_", "expected"),
    [
        ("PING\\n", b"PING\n", b"PING\n"),
        ("PING\\r\\t\\x41\\n", b"PING\\r\\t\\x41\n", b"PING\r\tA\n"),
    ],
)
async def test_escapes(request_: str, original_: bytes, expected: bytes) -> None:
    heard: list[bytes] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.read())
        writer.write(b"PONG\n")

    directives = f'service=simpletcp\nrequest="{request_}"\nreceive="PONG"'
    assert await of_one(talk, directives) == ("up", 'up: "PONG"')
    assert heard == [original_, expected]


class Ftp:
    """A server of one file; the original asks it to bring the data, ours fetches them."""

    def __init__(self, *pieces: bytes, **replies: bytes) -> None:
        self._pieces = pieces
        self._replies = {"USER": b"331 who?\r\n", "PASS": b"230 in\r\n", "END": b"226 done\r\n", **replies}

    async def start(self, place: Servers, host: str = "127.0.0.1") -> int:
        """Start it and return its port."""
        port = await place.start(saying(*self._pieces), host)
        pasv = b"227 go (%s,%d,%d)\r\n" % (host.replace(".", ",").encode(), *divmod(port, 256))
        self._replies.setdefault("PASV", pasv)
        return await place.start(self._talk)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 ftp\r\n")
        asked: list[int] = []
        while words := (await reader.readline()).decode().split():
            if words[0] == "RETR":
                writer.write(b"150 here\r\n")
                await self._bring(asked)
                writer.write(self._replies["END"])
            else:
                writer.write(self._replies.get(words[0], b"200 fine\r\n"))
            if words[0] == "PORT":
                asked = [int(number) for number in words[1].split(",")]

    async def _bring(self, asked: list[int]) -> None:
        if asked:
            _, writer = await asyncio.open_connection(".".join(map(str, asked[:4])), asked[4] * 256 + asked[5])
            await saying(*self._pieces)(asyncio.StreamReader(), writer)
            writer.close()


@pytest.mark.difference("ftp: what must go well")
@pytest.mark.parametrize(
    ("talk", "expected"),
    [
        (GARBAGE, 'down: expected 2, got "garbage"'),
        (replying(b"220 ftp\r\n", {"USER": b"530 nobody\r\n"}, b"530 no\r\n"), "down: USER refused: 530 nobody"),
    ],
)
async def test_nothing_to_find(talk: Talk, expected: str) -> None:
    assert await of_one(talk, 'service=ftp\nrequest="/alive"') == ("up", expected)


@pytest.mark.difference("ftp: what must go well")
@pytest.mark.parametrize(
    ("replies", "expected"),
    [
        ({"PASS": b"530 no\r\n"}, "down: PASS refused: 530 no"),
        ({"END": b"426 aborted\r\n"}, 'down: expected 2, got "426 aborted"'),
    ],
)
@pytest.mark.parametrize("receive", ["", 'receive="alive"'])
async def test_what_the_server_says_of_a_file(replies: dict[str, bytes], receive: str, expected: str) -> None:
    async with servers() as place:
        port = await Ftp(b"alive", **replies).start(place)
        assert await both(site(port, f'service=ftp\nrequest="/alive"\n{receive}')) == ("up", expected)


@pytest.mark.difference("ftp: the file")
@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        ((b"<", b"x" * 10_000, b">"), "up: fetched 10002 bytes"),
        (
            (b"<", b"x" * 100_000, b">"),
            f'down: receive pattern not in 100002 bytes of file: "{"x" * 80}..."',
        ),
        ((bytes(17 * 1024 * 1024), b"<x>"), "down: file longer than 16 MB"),
    ],
)
async def test_large_files(pieces: tuple[bytes, ...], expected: str) -> None:
    async with servers() as place:
        port = await Ftp(*pieces).start(place)
        assert await both(site(port, 'service=ftp\nrequest="/alive"\nreceive="<x*>"')) == ("up", expected)


@pytest.mark.difference("ftp: the connection for data")
@pytest.mark.parametrize(
    ("replies", "host", "expected"),
    [
        ({}, "127.0.0.1", ("up", "up: fetched 5 bytes")),
        ({}, "127.0.0.2", ("up", "down: connect refused (connected, no connection for data)")),
        ({"PASV": b"502 no\r\n"}, "127.0.0.1", ("up", "down: PASV refused: 502 no")),
        ({"PORT": b"502 no\r\n"}, "127.0.0.1", ("down", "up: fetched 5 bytes")),
    ],
)
async def test_where_data_comes_from(replies: dict[str, bytes], host: str, expected: tuple[str, str]) -> None:
    async with servers() as place:
        port = await Ftp(b"alive", **replies).start(place, host)
        assert expected == await both(site(port, 'service=ftp\nrequest="/alive"\nreceive="alive"'))
