"""Replies of several lines: SMTP's carry the code on each, FTP's need it on the first and the last only."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from harness.fakes.scripted import Servers, saying
from ldirectord_py.checks.base import Target
from ldirectord_py.checks.protocols.replies import ftp_reply, smtp_reply
from ldirectord_py.checks.transport.stream import connect
from ldirectord_py.errors import CheckFailed


async def smtp(servers: Servers, said: bytes) -> list[str]:
    async with connect(Target(ip_address("127.0.0.1"), await servers.start(saying(said)), 10.0)) as stream:
        return await smtp_reply(stream, "2")


async def ftp(servers: Servers, said: bytes) -> str:
    async with connect(Target(ip_address("127.0.0.1"), await servers.start(saying(said)), 10.0)) as stream:
        return await ftp_reply(stream, "2")


@pytest.mark.parametrize(
    "said",
    [
        b"220 ready\r\n",
        b"220-Example FTP service\r\n    All transfers are logged\r\n220 ready\r\n",  # RFC 959, 4.2
        b"220-hello\r\n220-still\r\n220 ready\r\n",
        b"220-hello\r\n\r\n221 no end\r\n2200 no end\r\n 220 no end\r\n220 ready\r\n",
        b"220-hello\n530 is not meant\n220 ready\n220 the next reply\n",
    ],
)
async def test_a_reply_of_ftp_ends_with_its_code_and_a_space(servers: Servers, said: bytes) -> None:
    assert await ftp(servers, said) == "220 ready"


async def test_a_reply_of_ftp_may_end_with_its_code_alone(servers: Servers) -> None:
    assert await ftp(servers, b"220-hello\r\nx\r\n220\r\n") == "220"
    assert await ftp(servers, b"220\r\n") == "220"


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (b"530 no\r\n", 'expected 2, got "530 no"'),
        (b"hello\r\n220 ready\r\n", 'expected 2, got "hello"'),
        (b"220-hello\r\n221 ready\r\n", "closed by server"),
        (b"220-hello\r\n" + b"x\r\n" * 200, "a reply of more than 200 lines"),
        (b"220-hello\r\n" + (b"x" * 900 + b"\r\n") * 100, "a reply of more than 64 kB"),
        (b"220-hello\r\n" + b"x" * 20_000, "a line longer than 16 kB"),
    ],
)
async def test_what_is_no_reply_of_ftp(servers: Servers, said: bytes, reason: str) -> None:
    with pytest.raises(CheckFailed) as failed:
        await ftp(servers, said)
    assert str(failed.value) == reason


async def test_a_reply_of_smtp_has_its_code_on_each_line(servers: Servers) -> None:
    assert await smtp(servers, b"220-a\r\n220-b\r\n220 c\r\n") == ["220-a", "220-b", "220 c"]
    assert await smtp(servers, b"220\r\n") == ["220"]


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (b"220-a\r\n   b\r\n220 c\r\n", 'expected 220, got "   b"'),
        (b"220-a\r\n250 b\r\n", 'expected 220, got "250 b"'),
        (b"220-a\r\n" * 201, "a reply of more than 200 lines"),
        ((b"220-" + b"x" * 900 + b"\r\n") * 100, "a reply of more than 64 kB"),
    ],
)
async def test_what_is_no_reply_of_smtp(servers: Servers, said: bytes, reason: str) -> None:
    with pytest.raises(CheckFailed) as failed:
        await smtp(servers, said)
    assert str(failed.value) == reason
