from __future__ import annotations

import asyncio
from collections.abc import Callable
from ipaddress import ip_address
from typing import Any

import pytest

from harness.fakes.answers import sip_answer as answer
from harness.fakes.datagrams import answering, silent
from harness.fakes.mutants import mutants
from harness.fakes.scripted import Servers, Talk, closed_port, hanging, saying
from ldirectord_py.checks.base import Target
from ldirectord_py.checks.probe import probe
from ldirectord_py.checks.protocols.sip_message import OptionsRequest
from ldirectord_py.checks.services.sip import KIND
from ldirectord_py.checks.transport.datagram import UnrelatedAnswer
from ldirectord_py.errors import CheckFailed
from ldirectord_py.health import Verdict
from ldirectord_py.ipvs.table import Protocol

OK = (Verdict.UP, "200 OK")
OPTIONS = OptionsRequest("joe@example.com", Protocol.UDP, (ip_address("2001:db8::1"), 5061), "c0ffee")
ANSWER = (
    b"SIP/2.0 200 OK\r\n"
    b"Via: SIP/2.0/UDP [2001:db8::1]:5061;branch=z9hG4bKc0ffee;rport=5061;received=2001:db8::1\r\n"
    b"To: <sip:joe@example.com>;tag=x\r\n"
    b"From: <sip:joe@example.com>;tag=c0ffee\r\n"
    b"Call-ID: c0ffee\r\n"
    b"CSeq: 1 OPTIONS\r\n"
    b"Content-Length: 0\r\n\r\n"
)


async def run(port: int, seconds: float = 10.0, host: str = "127.0.0.1", **fields: Any) -> tuple[Verdict, str]:
    assert KIND.check is not None
    fields = {"login": "joe@example.com", "protocol": Protocol.UDP, **fields}
    result = await probe(KIND.check, Target(ip_address(host), port, seconds, **fields))
    return result.verdict, result.reason


def speaking(reply: Callable[[bytes], bytes]) -> Talk:
    """Return a talk over TCP that answers one request."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(reply(await reader.readuntil(b"\r\n\r\n")))

    return talk


def test_the_request() -> None:
    expected = (
        b"OPTIONS sip:joe@example.com SIP/2.0\r\n"
        b"Via: SIP/2.0/UDP [2001:db8::1]:5061;branch=z9hG4bKc0ffee;rport\r\n"
        b"Max-Forwards: 70\r\n"
        b"To: <sip:joe@example.com>\r\n"
        b"From: <sip:joe@example.com>;tag=c0ffee\r\n"
        b"Call-ID: c0ffee\r\n"
        b"CSeq: 1 OPTIONS\r\n"
        b"Contact: <sip:joe@example.com>\r\n"
        b"Accept: application/sdp\r\n"
        b"Content-Length: 0\r\n\r\n"
    )
    assert expected == OPTIONS.encoded


@pytest.mark.parametrize(
    "data",
    [
        ANSWER,
        b"\r\n\r\n" + ANSWER,
        ANSWER.replace(b"\r\n", b"\n"),
        ANSWER.replace(b"Via:", b"v :").replace(b"Call-ID:", b"I:").replace(b"CSeq:", b"cseq:"),
        ANSWER.replace(b";branch=", b"\r\n ; Branch = "),
        ANSWER.replace(b"CSeq: 1 O", b"CSeq:\t1\r\n\tO"),
        ANSWER.replace(b"To:", b"Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKanother\r\nTo:"),
        ANSWER + b"the body\r\nCSeq: 9 INVITE\r\n",
    ],
)
def test_answers_to_us(data: bytes) -> None:
    assert OPTIONS.decode(data) == "200 OK"


def test_the_status_needs_no_words() -> None:
    assert OPTIONS.decode(ANSWER.replace(b"200 OK", b"404")) == "404"
    assert OPTIONS.decode(ANSWER.replace(b"200 OK", b"486 ")) == "486"


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "not a SIP message"),
        (b"HTTP/1.1 200 OK\r\n\r\n", "not a SIP message"),
        (ANSWER.replace(b"200 OK", b"2000 OK"), "not a SIP message"),
        (OPTIONS.encoded, "a SIP request"),
        (b"SIP/2.0 999 x\r\n\r\n", "not a SIP message"),
        (ANSWER.replace(b"200 OK", b"100 Trying"), "only 100 Trying"),
        (ANSWER.replace(b"CSeq: 1", b"CSeq: 2"), "a SIP answer to another request"),
        (ANSWER.replace(b"1 OPTIONS", b"1 INVITE"), "a SIP answer to another request"),
        (ANSWER.replace(b"z9hG4bKc0ffee", b"z9hG4bKc0ffee1"), "a SIP answer to another request"),
        (ANSWER.replace(b"Call-ID: c0ffee", b"Call-ID: other"), "a SIP answer to another request"),
        (b"SIP/2.0 200 OK\r\n\r\n", "a SIP answer to another request"),
    ],
)
def test_what_does_not_answer_us(data: bytes, why: str) -> None:
    with pytest.raises(UnrelatedAnswer) as caught:
        OPTIONS.decode(data)
    assert why == str(caught.value)


@pytest.mark.slow
def test_a_reader_accepts_any_bytes() -> None:
    seeds = [ANSWER, ANSWER.replace(b"Via: ", b"v:\r\n ").replace(b"200 OK", b"503 Not now"), OPTIONS.encoded]
    assert all(outcome(data).isprintable() for data in mutants(seeds, 20_000))


def outcome(data: bytes) -> str:
    try:
        return OPTIONS.decode(data)
    except CheckFailed as error:
        return str(error)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_up(servers: Servers, host: str) -> None:
    async with answering(lambda data: [answer(data)], host) as server:
        assert await run(server.port, host=host) == OK
        assert server.heard[0].startswith(b"OPTIONS sip:joe@example.com SIP/2.0\r\nVia: SIP/2.0/UDP ")
    port = await servers.start(speaking(answer), host)
    assert await run(port, host=host, protocol=Protocol.TCP) == OK


async def test_every_request_has_another_token() -> None:
    async with answering(lambda data: [answer(data)]) as server:
        await run(server.port)
        await run(server.port)
        assert len({data.partition(b"Call-ID: ")[2][:16] for data in server.heard}) == 2


async def test_down_with_the_status(servers: Servers) -> None:
    expected = (Verdict.DOWN, "status 503 Service Unavailable")
    async with answering(lambda data: [answer(data, "503 Service Unavailable")]) as server:
        assert expected == await run(server.port)
    port = await servers.start(speaking(lambda data: answer(data, "503 Service Unavailable")))
    assert expected == await run(port, protocol=Protocol.TCP)


async def test_other_messages_are_ignored(servers: Servers) -> None:
    def others(data: bytes) -> list[bytes]:
        body = b"Content-Length: 4\r\n\r\nx\r\n\r\n"
        another = (
            answer(data, "404 Not here")
            .replace(b"Call-ID: ", b"Call-ID: x")
            .replace(b"Content-Length: 0\r\n\r\n", body)
        )
        return [b"\r\n\r\n", data, another, answer(data, "100 Trying")]

    async with answering(lambda data: [b"noise", b"", *others(data), answer(data)]) as server:
        assert await run(server.port) == OK
    port = await servers.start(speaking(lambda data: b"".join([*others(data), answer(data)])))
    assert await run(port, protocol=Protocol.TCP) == OK


@pytest.mark.slow
async def test_a_deadline_tells_what_came_instead(servers: Servers) -> None:
    async with answering(lambda data: [answer(data, "100 Trying")]) as server:
        expected = (Verdict.DOWN, 'no answer within 0.2 s (only 100 Trying: "SIP/2.0 100 Trying\\r\\nVia:...")')
        assert expected == await run(server.port, 0.2)
    port = await servers.start(hanging())
    expected = (Verdict.DOWN, "no answer within 0.2 s (connected, no answer to OPTIONS)")
    assert expected == await run(port, 0.2, protocol=Protocol.TCP)
    async with answering(silent) as server:
        expected = (Verdict.DOWN, "no answer within 0.2 s (no datagram came back)")
        assert expected == await run(server.port, 0.2)


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (b"220 mx ESMTP\r\n", 'not a SIP message: "220 mx ESMTP\\r\\n"'),
        (b"", "closed by server"),
        (b"SIP/2.0 2", 'closed by server after "SIP/2.0 2"'),
        (b"\r\n" * 40_000, "no answer to OPTIONS in 32 kB"),
        (b"SIP/2.0 200 OK\r\n" * 10_000, "no answer to OPTIONS in 32 kB"),
        (b"x" * 200_000, "a line longer than 16 kB"),
    ],
)
async def test_what_is_not_sip_over_tcp(servers: Servers, reply: bytes, reason: str) -> None:
    port = await servers.start(speaking(lambda _: reply))
    assert await run(port, protocol=Protocol.TCP) == (Verdict.DOWN, reason)


async def test_refused(servers: Servers) -> None:
    assert await run(closed_port(), protocol=Protocol.TCP) == (Verdict.DOWN, "connect refused")
    assert await run(closed_port()) == (Verdict.DOWN, "connect refused (no datagram came back)")
    assert await run(await servers.start(saying()), protocol=Protocol.TCP) in {
        (Verdict.DOWN, "closed by server"),
        (Verdict.DOWN, "reset by server (connected, no answer to OPTIONS)"),
    }
