"""docs/differences.md, checks over UDP: each row is compared with the original itself."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from ipaddress import ip_address

import dns.message
import pytest

from harness.comparison.checks import both, original, ours, site
from harness.comparison.perl import needs_original
from harness.fakes.answers import dns_answer, radius_answer, sip_answer
from harness.fakes.datagrams import Server, answering
from harness.fakes.scripted import servers

pytestmark = needs_original

DNS = "protocol=udp\nservice=dns\n"
RADIUS = 'protocol=udp\nservice=radius\nlogin="nemo"\npasswd="arctangent"\nsecret="xyzzy"\n'
ACCEPTED = "Access-Accept (without Message-Authenticator)"
SIP = 'protocol=udp\nservice=sip\nlogin="joe@example.com"\n'
MISMATCH = "down: Response mismatch"
IN_A_SECOND = "checktimeout=1\nnegotiatetimeout=1\n"
SIGNED = b"\x50\x12"  # Message-Authenticator
NAS_IPV6 = b"\x5f\x12" + ip_address("::1").packed


def accept(request: bytes) -> bytes:
    return radius_answer(request, 2, b"", b"xyzzy")


def asked(data: bytes) -> str:
    """Return the question of a query."""
    return dns.message.from_wire(data).question[0].to_text()


async def of_one(
    answers: Callable[[bytes], Iterable[bytes]], directives: str, host: str = "127.0.0.1"
) -> tuple[str, str]:
    async with answering(answers, host) as server:
        return await both(site(server.port, directives, host=host))


@pytest.mark.parametrize(
    ("record", "directives", "expected"),
    [
        pytest.param(
            "A 192.0.2.7",
            'request="www.example.com"',
            (MISMATCH, "up: 192.0.2.7"),
            marks=pytest.mark.difference("dns: without `receive`"),
        ),
        pytest.param(
            "NS a.root.example.",
            "",
            (MISMATCH, "up: a.root.example"),
            marks=pytest.mark.difference("dns: without `request`"),
        ),
        pytest.param(
            "A 192.0.2.7",
            'request="www.example.com"\nreceive="192"',
            ("up: Success", "up: 192.0.2.7"),
            marks=pytest.mark.difference("dns: what `receive` matches"),
        ),
        pytest.param(
            "PTR www.example.com.",
            'request="192.0.2.7"\nreceive="www"',
            ("up: Success", "up: www.example.com"),
            marks=pytest.mark.difference("dns: what `receive` matches"),
        ),
        pytest.param(
            "CNAME www.example.org.",
            'request="www.example.com"\nreceive="www"',
            (MISMATCH, "up: www.example.org"),
            marks=pytest.mark.difference("dns: what `receive` matches"),
        ),
        pytest.param(
            "AAAA 2001:db8::7",
            'request="www.example.com AAAA"\nreceive="2001"',
            (MISMATCH, "up: 2001:db8::7"),
            marks=pytest.mark.difference("dns: what `receive` matches"),
        ),
    ],
)
async def test_records(record: str, directives: str, expected: tuple[str, str]) -> None:
    assert expected == await of_one(lambda query: [dns_answer(query, record)], DNS + directives)


@pytest.mark.difference("dns: an error, and records all the same")
@pytest.mark.parametrize(("code", "word"), [(2, "SERVFAIL"), (3, "NXDOMAIN")])
async def test_errors_with_records(code: int, word: str) -> None:
    directives = DNS + 'request="www.example.com"\nreceive="192"'
    expected = ("up: Success", f"down: {word} for www.example.com A")
    assert expected == await of_one(lambda query: [dns_answer(query, "A 192.0.2.7", rcode=code)], directives)


@pytest.mark.difference("dns: names without a dot")
async def test_short_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCALDOMAIN", "example.org")  # as ``search`` in resolv.conf
    async with answering(lambda query: [dns_answer(query, "A 192.0.2.7")]) as server:
        text = site(server.port, DNS + 'request="www"\nreceive="192"')
        assert await both(text) == ("up: Success", "up: 192.0.2.7")
        assert [asked(query) for query in server.heard] == ["www.example.org. IN A", "www. IN A"]


@pytest.mark.difference("radius: the deadline")
async def test_which_deadline_radius_has() -> None:
    class Late(Server):
        def datagram_received(self, data: bytes, addr: object) -> None:
            asyncio.get_running_loop().call_later(1.5, super().datagram_received, data, addr)

    loop = asyncio.get_running_loop()
    transport, server = await loop.create_datagram_endpoint(lambda: Late(lambda data: [accept(data)]), ("127.0.0.1", 0))
    try:
        text = site(server.port, RADIUS + "checktimeout=1\nnegotiatetimeout=20")
        assert await both(text) == ("down", f"up: {ACCEPTED}")
    finally:
        transport.close()


@pytest.mark.difference("radius: Message-Authenticator")
async def test_servers_that_want_signed_requests() -> None:
    def answers(request: bytes) -> list[bytes]:
        return [accept(request)] if SIGNED in request[20:] else []

    assert await of_one(answers, RADIUS + "checktimeout=1\nnegotiatetimeout=20") == ("down", f"up: {ACCEPTED}")


@pytest.mark.difference("radius over IPv6")
async def test_radius_over_ipv6() -> None:
    async with answering(lambda request: [accept(request)], "::1") as server:
        text = site(server.port, RADIUS, host="::1")
        assert (await original(text)).startswith("died: Can't call method")
        assert await ours(text) == f"up: {ACCEPTED}"
        assert [NAS_IPV6 in request for request in server.heard] == [True]


@pytest.mark.difference("sip: the answer")
@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        (("200 OK",), ("up", "up: 200 OK")),
        (("200 Fine",), ("down", "up: 200 Fine")),
        (("100 Trying", "200 OK"), ("down", "up: 200 OK")),
    ],
)
async def test_answers_of_sip(statuses: tuple[str, ...], expected: tuple[str, str]) -> None:
    assert expected == await of_one(lambda request: [sip_answer(request, status) for status in statuses], SIP)


@pytest.mark.difference("sip: the answer")
async def test_answers_to_another() -> None:
    found = "down: no answer within 1 s (a SIP answer to another request: "
    expected = ("up", f'{found}"SIP/2.0 200 OK\\r\\nCall-ID:...")')
    assert expected == await of_one(lambda _: [sip_answer(b"Call-ID: another\r\n")], SIP + IN_A_SECOND)


@pytest.mark.difference("sip over TCP")
async def test_sip_over_tcp() -> None:
    heard: list[str] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        heard.append(request.decode().splitlines()[1].rpartition(" ")[0])
        writer.write(sip_answer(request))

    async with servers() as place:
        text = site(await place.start(talk), SIP.replace("udp", "tcp"))
        assert await both(text) == ("up", "up: 200 OK")
    assert heard == ["Via: SIP/2.0/UDP", "Via: SIP/2.0/TCP"]


@pytest.mark.difference("radius, sip over UDP: a datagram that is lost")
@pytest.mark.parametrize(("directives", "reply", "up"), [(RADIUS, accept, ACCEPTED), (SIP, sip_answer, "200 OK")])
async def test_lost_datagrams(directives: str, reply: Callable[[bytes], bytes], up: str) -> None:
    heard: list[int] = []

    def answers(request: bytes) -> list[bytes]:
        heard.append(len(request))
        return [reply(request)] if len(heard) > 1 else []

    async with answering(answers) as server:
        assert await original(site(server.port, directives + IN_A_SECOND)) == "down"
        assert len(heard) == 1
        heard.clear()
        assert await ours(site(server.port, directives)) == f"up: {up}"
        assert len(heard) == 2
