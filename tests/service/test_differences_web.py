"""docs/differences.md, checks over HTTP: each row is compared with the original itself."""

from __future__ import annotations

import asyncio
import importlib.util
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.comparison.checks import both, of_one, original, ours, site
from harness.comparison.perl import check, needs_original
from harness.fakes.scripted import Talk, answering, replying, servers
from harness.servers.certificates import self_signed

pytestmark = needs_original

OK = b"HTTP/1.1 200 OK\r\n"
HELLO = OK + b"Content-Length: 5\r\n\r\nhello"
MB = 1024 * 1024


def page(body: bytes) -> Talk:
    return answering(OK + b"Content-Length: %d\r\n\r\n" % len(body), body)


def asked(reply: Callable[[bytes], bytes]) -> Talk:
    """Return a talk that answers a request with what is made of it."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(reply(await reader.readuntil(b"\r\n\r\n")))

    return talk


@pytest.mark.parametrize(
    ("talk", "expected"),
    [
        (answering(b"220 mx ESMTP\r\n"), ("up: 200 Assumed OK", 'down: not an HTTP answer: "220 mx ESMTP\\r\\n"')),
        (
            answering(OK + b"Content-Length: 100\r\n\r\nshort"),
            ("up: 200 OK", "down: closed by server (connected, 5 bytes of the body)"),
        ),
        (
            answering(OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello0\r\n\r\n"),
            ("up: 200 OK", 'down: malformed HTTP answer: no size of a chunk: "0\\r\\n\\r\\n"'),
        ),
    ],
)
@pytest.mark.difference("http: not an answer of HTTP, a body cut short, malformed chunks")
async def test_answers_that_are_none(talk: Talk, expected: tuple[str, str]) -> None:
    assert expected == await of_one(talk, "service=http")


LENGTH = b"Content-Length: 5\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    "answer",
    [
        OK + b" folded\r\nno colon\r\nMy Header: x\r\n: x\r\nX(y)\xe9: a\rb\0\r\n" + LENGTH + b" \r\n\r\nhello",
        OK + b"Content-Length : 5 bytes\r\n\r\nhello...",
        OK + LENGTH + LENGTH + b"\r\nhello",
        OK + b"Content-Length: 5, 5\r\n\r\nhello",
        OK + b"Content-Length: -1\r\n\r\nhello",
        OK + b"Transfer-Encoding: \r\n" + LENGTH + b"\r\nhello",
        b"HTTP/1\t200  OK\n" + LENGTH + b"\nhello",
        b"HTTP/x.y 200 OK\r\n" + LENGTH + b"\r\nhello",
        b"HTTP/1.1 204 OK\r\n" + LENGTH + b"\r\nhello",
        CHUNKED + b"5 ; a=b\r\nhello\r\n0\r\nno trailer\r\n\r\n",
        CHUNKED + b"5\nhello\n0\n",
    ],
)
async def test_answers_of_odd_servers_are_taken_as_by_the_original(answer: bytes) -> None:
    found = await of_one(answering(answer), 'service=http\nreceive="hello"')
    assert [each.partition(":")[0] for each in found] == ["up", "up"]


@pytest.mark.difference("http: two values of Content-Length")
async def test_two_lengths() -> None:
    talk = answering(OK + b"Content-Length: 4\r\n" + LENGTH + b"\r\nhello")
    expected = ("up: 200 OK", "down: malformed HTTP answer: Content-Length is both 4 and 5")
    assert expected == await of_one(talk, "service=http")


@pytest.mark.difference("http: a Transfer-Encoding other than chunked")
async def test_transfer_encodings() -> None:
    talk = answering(OK + b"Transfer-Encoding: identity\r\n" + LENGTH + b"\r\nhello")
    assert await of_one(talk, 'service=http\nreceive="hello"') == ("down: ", "up: 200 OK")


@pytest.mark.difference("http: an interim answer (102, 103)")
async def test_interim_answers() -> None:
    talk = answering(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + HELLO)
    assert await of_one(talk, "service=http") == ("down: 103 Early Hints", "up: 200 OK")


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        (b"X: y\r\n" * 120, ("up: 200 OK", "up: 200 OK")),
        (b"X: y\r\n" * 130, ("down: 500 Too many header lines (limit is 128)", "up: 200 OK")),
        (b"X: %b\r\n" % (b"y" * 9000), ("down: 500 Header line too long (9004; limit is 8192)", "up: 200 OK")),
    ],
)
@pytest.mark.difference("http: the headers")
async def test_large_headers(headers: bytes, expected: tuple[str, str]) -> None:
    talk = answering(OK + headers + b"Content-Length: 5\r\n\r\nhello")
    assert expected == await of_one(talk, "service=http")


@pytest.mark.parametrize(
    ("talk", "directives", "expected"),
    [
        (page(bytes(17 * MB)), "", ("up: 200 OK", "down: answer longer than 16 MB")),
        (page(b"<" + b"x" * 90_000 + b">"), 'receive="<x*>"', ("up: 200 OK", "up: 200 OK")),
        (
            page(b"<" + b"x" * 200_000 + b">"),
            'receive="<x*>"',
            ("up: 200 OK", f'down: receive /<x*>/ not in 200002 bytes: "{"x" * 80}..."'),
        ),
    ],
)
@pytest.mark.difference("http: the body")
async def test_large_bodies(talk: Talk, directives: str, expected: tuple[str, str]) -> None:
    assert expected == await of_one(talk, f"service=http\n{directives}")


@pytest.mark.difference("http: an absolute URL as request")
async def test_absolute_urls() -> None:
    async with servers() as place:
        url = f"http://127.0.0.1:{await place.start(page(b'there'))}/"
        port = await place.start(page(b"here"))
        expected = ("down: here", "up: 200 OK")
        assert expected == await both(site(port, f'service=http\nrequest="{url}"\nreceive="there"'))
        own = await both(site(port, "service=http", own=f'1 "{url}", "there"'))
        assert own == ("up: 200 OK", "up: 200 OK")


@pytest.mark.difference("https, pops, imaps of a self-signed server")
async def test_certificates(tmp_path: Path) -> None:
    made = self_signed(tmp_path, "www.example.com")
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(made.certificate, made.key)
    names: list[str | None] = []
    tls.sni_callback = lambda _, name, __: names.append(name)
    async with servers() as place:
        text = site(await place.start(page(b"hello"), tls=tls), "service=https\nvirtualhost=www.example.com")
        assert "certificate verify failed" in await original(text)
        assert await ours(text) == "up: 200 OK"
        pops = site(
            await place.start(replying(b"+OK ready\r\n", {"CAPA": b"-ERR\r\n"}, b"+OK\r\n"), tls=tls),
            'service=pops\nlogin="joe"',
        )
        assert await both(pops) == ("down", "up: +OK ready")
    assert names[:2] == [None, "www.example.com"]


@pytest.mark.difference("http: a redirect to the same server")
async def test_redirects() -> None:
    hosts: list[str] = []

    def reply(request: bytes) -> bytes:
        first, *headers = request.decode().splitlines()
        hosts.extend(header.lower() for header in headers if header.startswith("Host:"))
        return HELLO if "/there" in first else b"HTTP/1.1 302 Found\r\nLocation: /there\r\nContent-Length: 0\r\n\r\n"

    async with servers() as place:
        port = await place.start(asked(reply))
        text = site(port, "service=http\nvirtualhost=www.example.com")
        assert await both(text) == ("up: 200 OK", "up: 200 OK")
    own, real = "host: www.example.com", f"host: 127.0.0.1:{port}"
    assert hosts == [own, real, own, own]


@pytest.mark.difference("http: `receive` in what the log says")
async def test_what_is_told_of_a_page() -> None:
    body = "Out of order. " * 100
    expected = (f"down: {body}", f'down: receive /in order/ not in 1400 bytes: "{body[:80]}..."')
    assert expected == await of_one(page(body.encode()), 'service=http\nreceive="in order"')


@pytest.mark.difference("`receive`: `\\Q`, and other constructs that only Perl knows")
@pytest.mark.parametrize(
    ("pattern", "problem"),
    [
        ("\\Qhello", "bad escape \\Q at position 2"),
        ("\\Hello", "bad escape \\H at position 2"),
        ("(?^:hello)", "unknown extension at position 2"),
        ("hello(*ACCEPT)", "unknown verb at position 7"),
    ],
)
async def test_patterns_of_perl(pattern: str, problem: str) -> None:
    expected = ("up: 200 OK", f"refused: the pattern to receive is not valid: {problem}")
    assert expected == await of_one(page(b"hello Qhello"), f'service=http\nreceive="{pattern}"')


@pytest.mark.difference("A check that fails unexpectedly (a pattern that is not valid, a driver that is missing)")
@pytest.mark.parametrize(
    ("directives", "died", "refused"),
    [
        (
            'service=http\nreceive="("',
            "Unmatched ( in regex",
            "the pattern to receive is not valid: missing ) at position 1",
        ),
        pytest.param(
            'service=oracle\nlogin="a"\nrequest="SELECT 1"\ndatabase="B"',
            "install_driver(Oracle) failed",
            "the check of oracle needs oracledb, which is not installed",
            marks=pytest.mark.difference("oracle"),
        ),
    ],
)
async def test_what_ends_the_original(
    directives: str, died: str, refused: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    async with servers() as place:
        text = site(await place.start(page(b"hello")), directives)
        answer = await check(text)
        assert (answer.verdicts, answer.log) == ((), ())
        assert died in str(answer.died)
        assert await ours(text) == f"refused: {refused}"
