"""``service = ldap`` against servers that say what a test tells them to; real ones are in the service tier."""

from __future__ import annotations

import asyncio
import tracemalloc
from ipaddress import ip_address
from typing import Any

import pytest

from harness.fakes.ldap import (
    BIND,
    DONE,
    ENTRY,
    EXTENDED,
    INTERMEDIATE,
    REFERENCE,
    answering_each,
    element,
    entry,
    message,
    request,
    result,
)
from harness.fakes.scripted import Servers, Talk, hanging, reset
from ldirectord_py.checks.base import Target
from ldirectord_py.checks.probe import probe
from ldirectord_py.checks.services import ldap, ldaps
from ldirectord_py.health import Verdict

BOUND = result(1, BIND)
FOUND = entry(2, b"dc=a")
END = result(2, DONE)
WHOLE = entry(3, b"dc=a", o=(b"Alive",), userPassword=(b"sesame",)) + result(3, DONE)
UP = (Verdict.UP, 'found "dc=a"')


async def run(port: int, seconds: float = 10.0, host: str = "127.0.0.1", **fields: Any) -> tuple[Verdict, str]:
    target = Target(ip_address(host), port, seconds, **{"request": "/dc=a", **fields})
    result = await probe(ldap.check, target)
    return result.verdict, result.reason


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_an_entry_is_up(servers: Servers, host: str) -> None:
    port = await servers.start(answering_each(BOUND, FOUND + END), host)
    assert await run(port, host=host, receive="^dc=a$") == UP


@pytest.mark.parametrize(
    ("receive", "expected"),
    [
        ("o: Alive", UP),
        ("sesam.$", UP),
        ("dead", (Verdict.DOWN, 'receive pattern not in "dc=a" nor in 30 bytes of attributes')),
    ],
)
async def test_the_attributes_are_searched_if_the_name_does_not_match(
    servers: Servers, receive: str, expected: tuple[Verdict, str]
) -> None:
    assert expected == await run(await servers.start(answering_each(BOUND, FOUND + END, WHOLE)), receive=receive)


@pytest.mark.parametrize("size", [1, 7])
async def test_answers_may_come_in_pieces_or_at_once(servers: Servers, size: int) -> None:
    notice = message(2, INTERMEDIATE)

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for answer in (BOUND, notice + FOUND + notice + END):
            await request(reader)
            for at in range(0, len(answer), size):
                writer.write(answer[at : at + size])
                await writer.drain()

    assert await run(await servers.start(talk)) == UP


@pytest.mark.parametrize(
    ("fields", "login", "passwd"),
    [
        ({"login": "cn=joe", "passwd": "pw"}, b"cn=joe", b"pw"),
        ({"login": "cn=joe"}, b"", b""),
        ({"passwd": "pw"}, b"", b""),
        ({}, b"", b""),
    ],
)
async def test_a_login_without_a_password_is_anonymous(
    servers: Servers, fields: dict[str, Any], login: bytes, passwd: bytes
) -> None:
    """As in the original, and LDAP would take an empty password for an anonymous bind itself."""
    seen = asyncio.get_running_loop().create_future()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.set_result(await request(reader))
        writer.write(result(1, BIND, 49))

    assert await run(await servers.start(talk), **fields) == (Verdict.DOWN, "bind refused: invalidCredentials")
    operation = b"\x02\x01\x03\x04%c%b\x80%c%b" % (len(login), login, len(passwd), passwd)
    assert seen.result().endswith(operation)


@pytest.mark.parametrize(
    ("talk", "reason"),
    [
        (answering_each(result(1, BIND, 49)), "bind refused: invalidCredentials"),
        (
            answering_each(result(1, BIND, 53, b"no anonymous\0")),
            'bind refused: unwillingToPerform ("no anonymous")',
        ),
        (answering_each(result(1, BIND, 49, b"pw: hunter2")), 'bind refused: invalidCredentials ("pw: ***")'),
        (answering_each(result(1, BIND, 10, b"", b"ldap://b/")), 'bind refused: referral to "ldap://b/"'),
        (answering_each(result(1, BIND, 99)), "bind refused: result code 99"),
        (answering_each(BOUND, result(2, DONE, 32)), "search refused: noSuchObject"),
        (answering_each(BOUND, FOUND + result(2, DONE, 51)), "search refused: busy"),
        (answering_each(BOUND, END), 'no entry "dc=a"'),
        (answering_each(BOUND, FOUND * 2 + END), 'more than one entry "dc=a"'),
        (
            answering_each(BOUND, message(2, REFERENCE, element(0x04, b"ldap://b/")) + END),
            'no entry "dc=a", but a referral to "ldap://b/"',
        ),
        (
            answering_each(result(0, EXTENDED, 52, b"going down")),
            'disconnected by server: unavailable ("going down")',
        ),
        (answering_each(BOUND, result(0, EXTENDED, 52)), "disconnected by server: unavailable"),
        (answering_each(BOUND, FOUND + result(0, EXTENDED, 51)), "disconnected by server: busy"),
        (answering_each(b""), "closed by server"),
        (answering_each(BOUND[:5]), "closed by server"),
    ],
)
async def test_reasons_of_refusals_use_the_names_of_ldap(servers: Servers, talk: Talk, reason: str) -> None:
    port = await servers.start(talk)
    assert await run(port, login="cn=joe", passwd="hunter2") == (Verdict.DOWN, reason)


@pytest.mark.parametrize(
    ("talk", "reason"),
    [
        (answering_each(b"220 smtp\r\n"), 'malformed LDAP answer, no message of LDAP: "220 smtp\\r\\n"'),
        (answering_each(b"\x30\x80\x00\x00"), 'malformed LDAP answer, an indefinite length: "0\\x80\\x00\\x00"'),
        (answering_each(b"\x30\x84\xff\xff\xff\xffx"), "a message of 4294967301 bytes"),
        (answering_each(b"\x30\x84\x00\x01\x00\x00x"), "a message of 65542 bytes"),
        (answering_each(result(2, BIND)), "malformed LDAP answer, message number 2 instead of 1: "),
        (answering_each(result(1, DONE)), "malformed LDAP answer, operation 0x65: "),
        (answering_each(BOUND, BOUND), "malformed LDAP answer, message number 1 instead of 2: "),
        (answering_each(message(1, BIND)), "malformed LDAP answer, tag none instead of 0x0a: "),
        (answering_each(BOUND, message(2, ENTRY)), "malformed LDAP answer, tag none instead of 0x04: "),
        (answering_each(BOUND, message(2, INTERMEDIATE) * 500), "an answer of more than 100 messages"),
        (answering_each(BOUND, FOUND * 500), "an answer of more than 100 messages"),
    ],
)
async def test_what_is_not_ldap_is_down_with_the_evidence(servers: Servers, talk: Talk, reason: str) -> None:
    verdict, got = await run(await servers.start(talk))
    assert (Verdict.DOWN, reason) == (verdict, got[: len(reason)])
    assert got.isprintable()


@pytest.mark.parametrize(
    ("talk", "phase"),
    [
        (hanging(), "connected, no answer to bind"),
        (hanging(BOUND[:9]), "connected, no answer to bind"),
        (hanging(BOUND), "connected, no answer to search"),
        (hanging(BOUND + FOUND), "connected, no answer to search"),
    ],
)
async def test_silence_is_down_at_the_deadline(servers: Servers, talk: Talk, phase: str) -> None:
    expected = (Verdict.DOWN, f"no answer within 0.2 s ({phase})")
    assert expected == await run(await servers.start(talk), 0.2)


async def test_a_dripping_answer_is_down_at_the_deadline(servers: Servers) -> None:
    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"\x30\x82\x7f\xff")
        while True:
            writer.write(b"x")
            await asyncio.sleep(0.01)

    expected = (Verdict.DOWN, "no answer within 0.2 s (connected, no answer to bind)")
    assert expected == await run(await servers.start(talk), 0.2)


async def test_a_reset_is_down(servers: Servers) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request(reader)
        reset(writer)

    expected = (Verdict.DOWN, "reset by server (connected, no answer to bind)")
    assert expected == await run(await servers.start(talk))


async def test_a_probe_keeps_little_of_the_largest_answer(servers: Servers) -> None:
    """Even where one value fills a message; asyncio's own buffers are measured by a run with a small one."""

    async def peak(size: int) -> int:
        answers = (BOUND, FOUND + END, entry(3, b"dc=a", o=(b"x" * size,)) + result(3, DONE))
        port = await servers.start(answering_each(*answers))
        tracemalloc.reset_peak()
        before = tracemalloc.get_traced_memory()[0]
        expected = f'receive pattern not in "dc=a" nor in {size + 4} bytes of attributes'
        assert await run(port, receive="y") == (Verdict.DOWN, expected)
        return tracemalloc.get_traced_memory()[1] - before

    tracemalloc.start()
    try:
        await peak(1)
        assert await peak(49_000) - await peak(1) < 256 * 1024
    finally:
        tracemalloc.stop()


async def test_a_server_that_wants_no_tls(servers: Servers) -> None:
    """Both loops say so in an error of their own."""

    async def talk(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read(4096)

    target = Target(ip_address("127.0.0.1"), await servers.start(talk), 10.0)
    result = await probe(ldaps.check, target)
    assert (result.verdict, result.reason) == (Verdict.DOWN, "TLS: closed by server in the handshake")
