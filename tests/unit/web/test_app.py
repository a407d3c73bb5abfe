"""What the page of a whole daemon answers: its HTML and its headers."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from harness.running_daemon import running_daemon
from harness.served_page import served_page
from ldirectord_py.checks.base import Result
from ldirectord_py.checks.codes import ReasonCode
from ldirectord_py.health import Verdict
from ldirectord_py.web.headers import HEADERS

SITE = """
virtual=192.0.2.1:80
    servicename=<script>alert(1)</script>
    real=127.0.0.1:81 masq 5
    real=127.0.0.2:81 masq
    checktype=connect
"""
HOSTILE = '"><img src=x onerror=alert(2)> \u202e </script>'
UP = Result(Verdict.UP, "connected", 0.0123, ReasonCode.L4OK)
DOWN = Result(Verdict.DOWN, HOSTILE, 0.5, ReasonCode.L7RSP)


async def test_the_page_shows_each_server_with_its_reason_and_nothing_of_it_is_html(tmp_path: Path) -> None:
    async with running_daemon(tmp_path, SITE) as place, served_page(place) as client:
        await place.observe(UP, "127.0.0.1")
        await place.observe(DOWN, "127.0.0.2")
        page = await client.page_with("1 of 2 servers up")
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
        assert "<script>alert" not in page
        assert "<img" not in page
        assert "&#34;&gt;&lt;img src=x onerror=alert(2)&gt;" in page
        assert 'data-key="tcp:192.0.2.1:80/127.0.0.2:81" data-state="down"' in page
        assert ReasonCode.L7RSP.meaning in page
        hurting = page.partition('id="virtuals"')[0]
        assert "127.0.0.2:81" in hurting
        assert "127.0.0.1:81" not in hurting


async def test_packed_and_plain_are_the_same_page(tmp_path: Path) -> None:
    async with running_daemon(tmp_path, SITE) as place, served_page(place) as client:
        await place.observe(UP)
        await client.page_with("2 of 2 servers up")
        async with client.session.get(client.url, headers={"Accept-Encoding": "gzip"}) as packed:
            assert packed.headers["Content-Encoding"] == "gzip"
            text = await packed.text()
        async with client.session.get(client.url, headers={"Accept-Encoding": "identity"}) as plain:
            assert "Content-Encoding" not in plain.headers
            assert len(await plain.text()) == len(text)


async def test_every_answer_forbids_what_the_page_does_not_need(tmp_path: Path) -> None:
    async with running_daemon(tmp_path, SITE) as place, served_page(place) as client:
        for path in ("/", "/page.js", "/page.css", "/icon.svg", "/api/events", "/healthz", "/nothing"):
            async with client.session.get(client.url + path) as response:
                policy = response.headers["Content-Security-Policy"]
                assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';"), path
                assert "unsafe" not in policy
                assert HEADERS.items() <= response.headers.items()


NO_REQUESTS = (
    b"nonsense\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    b"GET / HTTP/9.9\r\n\r\n",
    b"GET /?" + b"x" * 9000 + b" HTTP/1.1\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 9000 + b"\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: evil\r\nContent-Length: 5\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\nExpect: more\r\n\r\n",
    b"BREW / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
)


async def answer_to(port: int, sent: bytes) -> tuple[list[str], bytes]:
    """Return the lines of the head, and the body."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(sent)
    async with asyncio.timeout(10):
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        body = await reader.readexactly(int(head.partition("Content-Length: ")[2].partition("\r")[0]))
    writer.transport.abort()
    return head.rstrip().split("\r\n"), body


async def test_an_answer_to_what_is_no_request_has_the_same_headers_and_repeats_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with running_daemon(tmp_path, SITE) as place, served_page(place) as client:
        answers = await asyncio.gather(*(answer_to(client.port, sent) for sent in NO_REQUESTS))
    for (status, *lines), body in answers:
        assert 400 <= int(status.split()[1]) < 500
        headers = dict(line.split(": ", 1) for line in lines)
        assert HEADERS.items() <= headers.items()
        assert lines.count("Server: ldirectord") == 1
        assert b"evil" not in body
    assert "Traceback" not in caplog.text


async def test_the_page_has_no_inline_script_and_names_nothing_elsewhere(tmp_path: Path) -> None:
    async with running_daemon(tmp_path, SITE) as place, served_page(place) as client:
        page = await client.page_with("0 of 2 servers up")
        assert page.count("<script") == 1
        assert "style=" not in page
        assert " on" not in page.partition("<main")[0].replace(" one", "")
        for text in (page, *[(await client.get(path))[1] for path in ("/page.js", "/page.css")]):
            assert "http:" not in text
            assert "https:" not in text
            assert "innerHTML" not in text


async def test_other_methods_and_addresses_are_refused(tmp_path: Path) -> None:
    async with running_daemon(tmp_path, SITE) as place, served_page(place) as client:
        assert (await client.get("/../etc/passwd"))[0] == 404
        assert (await client.get("/templates/page.html"))[0] == 404
        for method in ("POST", "PUT", "DELETE"):
            async with client.session.request(method, client.url) as response:
                assert response.status == 405
