from __future__ import annotations

import asyncio
import gc
import gzip
import socket
import threading
import tracemalloc
from ipaddress import ip_address
from typing import Any

import pytest

from harness.fakes.scripted import Servers, Talk, answering, closed_port, hanging, reset, saying
from ldirectord_py.checks import effort
from ldirectord_py.checks.base import Target
from ldirectord_py.checks.probe import probe
from ldirectord_py.checks.protocols.http1 import REDIRECTS, Exchange
from ldirectord_py.checks.services import KINDS
from ldirectord_py.errors import CheckFailed
from ldirectord_py.health import Verdict

OK = b"HTTP/1.1 200 OK\r\n"
HELLO = OK + b"Content-Length: 5\r\n\r\nhello"
SHORT = 0.3
"""Seconds for checks that are to run out of time."""


async def http(port: int, request: str = "/", seconds: float = 10.0, **fields: Any) -> tuple[Verdict, str]:
    check = KINDS[fields.pop("kind", "http")].check
    assert check is not None
    address = ip_address(fields.pop("address", "127.0.0.1"))
    result = await probe(check, Target(address, port, seconds, request=request, **fields))
    return result.verdict, result.reason


def routes(**paths: bytes) -> Talk:
    """Return a server with an answer for each path; ``{port}`` in one is its own."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        path = head.split(b" ")[1].decode().strip("/").partition("?")[0]
        port = writer.get_extra_info("sockname")[1]
        writer.write(paths.get(path or "root", b"HTTP/1.1 404 Not Found\r\n\r\n").replace(b"{port}", b"%d" % port))

    return talk


def redirect(location: str, status: str = "302 Found") -> bytes:
    return f"HTTP/1.1 {status}\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n".encode()


async def test_success_is_up_with_the_status_line(servers: Servers) -> None:
    assert await http(await servers.start(answering(HELLO))) == (Verdict.UP, "200 OK")


async def test_ipv6(servers: Servers) -> None:
    port = await servers.start(answering(HELLO), "::1")
    assert await http(port, address="::1") == (Verdict.UP, "200 OK")


async def test_the_request_as_the_server_sees_it(servers: Servers) -> None:
    seen = asyncio.get_running_loop().create_future()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.set_result(await reader.readuntil(b"\r\n\r\n"))
        writer.write(HELLO)

    await http(await servers.start(talk), "/x?y", virtualhost="www.example.com", httpmethod="HEAD")
    expected = b"HEAD /x?y HTTP/1.1\r\nHost: www.example.com\r\nUser-Agent: ldirectord-py\r\nConnection: close\r\n\r\n"
    assert expected == seen.result()


@pytest.mark.parametrize("status", ["301 Moved", "404 Not Found", "500 Oops", "304 Not Modified"])
async def test_other_statuses_are_down_with_the_status_line(servers: Servers, status: str) -> None:
    answer = f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n".encode()
    assert await http(await servers.start(answering(answer))) == (Verdict.DOWN, f"status {status}")


@pytest.mark.parametrize(
    ("status", "directives", "expected"),
    [
        ("401 Who?", {"expectstatus": "200-299,401"}, (Verdict.UP, "401 Who?")),
        ("204 Nothing", {"expectstatus": "200-299,401"}, (Verdict.UP, "204 Nothing")),
        ("200 OK", {"expectstatus": "401"}, (Verdict.DOWN, "status 200 OK, not 401")),
        ("300 Many", {"expectstatus": "200-299,401"}, (Verdict.DOWN, "status 300 Many, not 200-299,401")),
        ("302 There", {"expectstatus": "302"}, (Verdict.UP, "302 There")),
        ("302 There", {"followredirects": False}, (Verdict.DOWN, "status 302 There")),
        ("302 There", {"followredirects": False, "expectstatus": "200"}, (Verdict.DOWN, "status 302 There, not 200")),
        ("302 There", {"followredirects": False, "expectstatus": "300-399"}, (Verdict.UP, "302 There")),
        ("401 Who?", {"expectstatus": "401", "receive": "^hi$"}, (Verdict.UP, "401 Who?")),
        (
            "401 Who?",
            {"expectstatus": "401", "receive": "Hi"},
            (Verdict.DOWN, 'receive /Hi/ not in 2 bytes: "hi"'),
        ),
    ],
)
async def test_the_status_must_be_one_that_is_expected(
    servers: Servers, status: str, directives: dict[str, Any], expected: tuple[Verdict, str]
) -> None:
    body = b"" if status.startswith("204") else b"hi"
    answer = f"HTTP/1.1 {status}\r\nLocation: /there\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
    assert expected == await http(await servers.start(answering(answer)), **directives)
    assert servers.connections == 1


async def test_the_body_must_match_the_pattern(servers: Servers) -> None:
    port = await servers.start(answering(HELLO))
    assert await http(port, receive="^h.l+o$") == (Verdict.UP, "200 OK")
    expected = (Verdict.DOWN, 'receive /Hello/ not in 5 bytes: "hello"')
    assert expected == await http(port, receive="Hello")


async def test_headers_are_not_searched(servers: Servers) -> None:
    port = await servers.start(answering(OK + b"X-State: alive\r\nContent-Length: 0\r\n\r\n"))
    assert (await http(port, receive="alive"))[0] is Verdict.DOWN


@pytest.mark.parametrize("at", [0, 50_000, 98_300, 150_000, 299_000])
async def test_a_pattern_is_found_anywhere_in_a_long_body(servers: Servers, at: int) -> None:
    body = bytearray(b"x" * 300_000)
    body[at : at + 5] = b"alive"
    port = await servers.start(answering(OK + b"Content-Length: 300000\r\n\r\n", bytes(body)))
    assert await http(port, receive="a[a-l]iv[e]") == (Verdict.UP, "200 OK")
    assert (await http(port, receive="^alive"))[0] is (Verdict.UP if at == 0 else Verdict.DOWN)
    assert (await http(port, receive="alive$"))[0] is Verdict.DOWN


async def test_F5_a_compressed_body_is_searched_as_it_came(servers: Servers) -> None:
    packed = gzip.compress(b"alive" * 100)
    head = OK + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed)
    port = await servers.start(answering(head, packed))
    assert await http(port) == (Verdict.UP, "200 OK")
    assert (await http(port, receive="alive"))[0] is Verdict.DOWN


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"])
async def test_redirects_are_followed(servers: Servers, status: str) -> None:
    other = await servers.start(routes(end=HELLO))
    port = await servers.start(routes(root=redirect("next?a", status), next=redirect(f"http://127.0.0.1:{other}/end")))
    assert await http(port, receive="hello") == (Verdict.UP, "200 OK")


async def test_seven_redirects_and_no_more(servers: Servers) -> None:
    port = await servers.start(routes(root=redirect("/"), x=redirect("/x1"), x1=HELLO))
    assert await http(port) == (Verdict.DOWN, "more than 7 redirects")
    assert servers.connections == REDIRECTS + 1


async def test_a_redirect_to_a_dead_server_names_what_failed(servers: Servers) -> None:
    port = await servers.start(routes(root=redirect(f"http://127.0.0.1:{closed_port()}/")))
    assert await http(port) == (Verdict.DOWN, "connect refused (not connected after a redirect)")


async def test_a_redirect_to_another_scheme_is_not_followed(servers: Servers) -> None:
    port = await servers.start(routes(root=redirect("ftp://127.0.0.1/")))
    assert (await http(port))[0] is Verdict.DOWN


async def test_an_absolute_request_overrides_the_address(servers: Servers) -> None:
    port = await servers.start(routes(x=HELLO))
    assert await http(closed_port(), f"/http://localhost:{port}/x") == (Verdict.UP, "200 OK")


async def test_a_proxy_gets_the_whole_url(servers: Servers) -> None:
    async def proxy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        wanted = head.startswith(b"GET http://www.example.com/x HTTP/1.1\r\nHost: www.example.com\r\n")
        writer.write(HELLO if wanted else b"HTTP/1.1 400 Bad Request\r\n\r\n")

    port = await servers.start(proxy)
    assert await http(port, "http://www.example.com/x", kind="http_proxy") == (Verdict.UP, "200 OK")


async def test_a_refused_connection() -> None:
    assert await http(closed_port()) == (Verdict.DOWN, "connect refused")


async def test_an_unknown_name() -> None:
    verdict, reason = await http(1, "http://no.such.host.invalid/")
    assert verdict is Verdict.DOWN
    assert reason.startswith("name lookup failed: ")


@pytest.mark.parametrize(
    ("talk", "reason"),
    [
        (saying(), "closed by server (connected, no answer)"),
        (answering(b""), "closed by server (connected, no answer)"),
        (answering(OK + b"X-A"), "closed by server (connected, headers not complete)"),
        (answering(HELLO[:-2]), "closed by server (connected, 3 bytes of the body)"),
        (saying(b"SSH-2.0-OpenSSH_9.2\r\n"), 'not an HTTP answer: "SSH-2.0-OpenSSH_9.2\\r\\n"'),
        (answering(OK + b"X: y\r\n" * 50_000), "headers longer than 64 kB"),
        (answering(b"HTTP/1.1 100 Continue\r\n\r\n" * 10_000), "headers longer than 64 kB"),
        (answering(OK + b"\r\n", *[b"x" * 65536] * 300), "answer longer than 16 MB"),
    ],
)
async def test_F5_hostile_answers_are_down_with_the_reason(servers: Servers, talk: Talk, reason: str) -> None:
    assert await http(await servers.start(talk)) == (Verdict.DOWN, reason)


CHUNKED = b"Transfer-Encoding: chunked\r\n"


@pytest.mark.parametrize(
    ("headers", "receive", "expected"),
    [
        (b"", "^hello$", (Verdict.UP, "200 OK")),
        (b"Transfer-Encoding: identity\r\n", "hello", (Verdict.UP, "200 OK")),
        (b"", "Hello", (Verdict.DOWN, 'receive /Hello/ not in 5 bytes: "hello"')),
        (b"Content-Length: 9\r\n", "", (Verdict.DOWN, "reset by server (connected, 5 bytes of the body)")),
        (CHUNKED, "", (Verdict.DOWN, "reset by server (connected, 5 bytes of the body)")),
    ],
)
async def test_a_reset_ends_a_body_that_only_the_close_delimits(
    servers: Servers, headers: bytes, receive: str, expected: tuple[Verdict, str]
) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OK + headers + b"\r\n" + (b"9\r\nhello" if headers == CHUNKED else b"hello"))
        await writer.drain()
        await asyncio.sleep(0.05)
        reset(writer)

    assert expected == await http(await servers.start(talk), receive=receive)


def unread(answer: bytes) -> Talk:
    """Return a talk that answers without reading the request, so that its close becomes a reset."""

    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        await writer.drain()
        reset(writer)

    return talk


@pytest.mark.parametrize(
    ("answer", "directives", "expected"),
    [
        (OK + b"\r\nall is well\r\n", {"receive": "well"}, (Verdict.UP, "200 OK")),
        (
            b"HTTP/1.1 503 Service Unavailable\r\n\r\nnot in sync\r\n",
            {"expectstatus": "200"},
            (Verdict.DOWN, "status 503 Service Unavailable, not 200"),
        ),
        (
            b"HTTP/1.1 206 OK\r\n\r\nstandby\r\n",
            {"expectstatus": "200"},
            (Verdict.DOWN, "status 206 OK, not 200"),
        ),
    ],
    ids=["reset-body", "reset-503", "reset-206"],
)
async def test_a_server_that_does_not_read_the_request(
    servers: Servers, answer: bytes, directives: dict[str, Any], expected: tuple[Verdict, str]
) -> None:
    port = await servers.start(unread(answer))
    assert {await http(port, **directives) for _ in range(5)} == {expected}


@pytest.mark.parametrize("headers", [b"", b"Content-Length: 99999\r\n", CHUNKED])
async def test_a_503_whose_body_never_ends_is_down_at_once(servers: Servers, headers: bytes) -> None:
    port = await servers.start(hanging(b"HTTP/1.1 503 Busy\r\n" + headers + b"\r\n1\r\n"))
    expected = (Verdict.DOWN, "status 503 Busy")
    assert expected == await asyncio.wait_for(http(port, receive="well", seconds=3600.0), 60)


async def test_a_redirect_is_followed_before_its_body_ends(servers: Servers) -> None:
    other = await servers.start(answering(HELLO))
    first = b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:%d/\r\n\r\nwait..." % other
    assert await asyncio.wait_for(http(await servers.start(hanging(first)), seconds=3600.0), 60) == (
        Verdict.UP,
        "200 OK",
    )


def dripping(head: bytes, drop: bytes) -> Talk:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(head)
        while True:
            writer.write(drop)
            await writer.drain()
            await asyncio.sleep(0.02)

    return talk


@pytest.mark.slow
@pytest.mark.parametrize(
    ("talk", "phase"),
    [
        (hanging(), "connected, no answer"),
        (dripping(OK, b"X: y\r\n"), "connected, headers not complete"),
        (dripping(b"", b"HTTP/1.1 102 Processing\r\n\r\n"), "connected, headers not complete"),
    ],
)
async def test_slow_answers_end_at_the_deadline(servers: Servers, talk: Talk, phase: str) -> None:
    expected = (Verdict.DOWN, f"no answer within 0.3 s ({phase})")
    assert expected == await http(await servers.start(talk), seconds=SHORT)


async def test_a_dripping_body_ends_at_the_deadline(servers: Servers) -> None:
    port = await servers.start(dripping(OK + b"\r\n", b"x"))
    verdict, reason = await http(port, seconds=SHORT)
    assert verdict is Verdict.DOWN
    assert reason.startswith("no answer within 0.3 s (connected, ")
    assert reason.endswith(" bytes of the body)")


async def test_a_body_in_endless_tiny_pieces_ends_at_the_limit(
    servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(effort, "MAX_STEPS", 100 * effort.READ)
    sent = 0

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OK + b"\r\n")
        while not writer.transport.is_closing():
            writer.write(b"x")
            sent += 1
            await asyncio.sleep(0.001)

    expected = (Verdict.DOWN, "the answer comes in too many small pieces")
    assert expected == await http(await servers.start(talk), seconds=60.0)
    assert sent >= 90


async def test_tls_with_a_server_that_speaks_none(servers: Servers) -> None:
    plain = await servers.start(saying(b"220 hello\r\n" * 10))
    assert await http(plain, kind="https") == (Verdict.DOWN, "TLS: no TLS on this port")
    silent = await servers.start(hanging())
    expected = (Verdict.DOWN, "no answer within 0.3 s (connected, TLS handshake not done)")
    assert expected == await http(silent, kind="https", seconds=SHORT)
    closing = await servers.start(saying())
    verdict, reason = await http(closing, kind="https")
    assert verdict is Verdict.DOWN
    assert "closed by server" in reason or "reset by server" in reason


async def test_F5_a_probe_keeps_little_of_an_endless_body(servers: Servers) -> None:
    """The scripted server's own memory is measured by a run without a pattern to search."""

    async def peak(receive: str) -> int:
        port = await servers.start(answering(OK + b"\r\n", *[b"x" * 8192] * 500))
        tracemalloc.reset_peak()
        before = tracemalloc.get_traced_memory()[0]
        await http(port, receive=receive)
        return tracemalloc.get_traced_memory()[1] - before

    tracemalloc.start()
    try:
        await peak("alive")
        assert await peak("alive") - await peak("") < 256 * 1024
    finally:
        tracemalloc.stop()


@pytest.mark.slow
@pytest.mark.parametrize(
    "talk", [hanging(), answering(), answering(OK + b"Content-Length: 9\r\n\r\nhello"), answering(HELLO)]
)
async def test_a_probe_leaves_no_garbage_that_only_the_collector_finds(servers: Servers, talk: Talk) -> None:
    port = await servers.start(talk)
    await http(port, seconds=SHORT)
    gc.collect()
    gc.disable()
    try:
        await asyncio.create_task(http(port, seconds=SHORT))
        await asyncio.sleep(0.1)  # the transport tells the end later
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
        assert [kept for kept in gc.garbage if isinstance(kept, Exchange | CheckFailed)] == []
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()


async def test_a_resolver_that_does_not_answer_in_time_is_no_verdict(
    servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: answered.wait(30) and [])
    port = await servers.start(routes(root=redirect("http://www.example.com/")))
    try:
        expected = (Verdict.NONE, "no answer within 0.3 s (the name lookup has not ended)")
        assert expected == await http(port, seconds=SHORT)
    finally:
        answered.set()
