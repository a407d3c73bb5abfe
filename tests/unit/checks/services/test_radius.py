from __future__ import annotations

import hashlib
import hmac
import struct
from collections.abc import Callable
from ipaddress import ip_address
from typing import Any

import pytest

from harness.fakes.answers import radius_answer
from harness.fakes.datagrams import answering, silent
from harness.fakes.mutants import mutants
from harness.fakes.scripted import closed_port
from ldirectord_py.checks.base import Target
from ldirectord_py.checks.probe import probe
from ldirectord_py.checks.protocols.radius_packet import AccessRequest, RadiusResponse
from ldirectord_py.checks.services.radius import KIND
from ldirectord_py.checks.transport.datagram import UnrelatedAnswer
from ldirectord_py.errors import CheckFailed
from ldirectord_py.health import Verdict
from ldirectord_py.ipvs.table import Protocol

SECRET = b"xyzzy5461"
NEMO = AccessRequest(
    b"nemo", b"arctangent", SECRET, ip_address("192.168.1.16"), 0, bytes.fromhex("0f403f9473978057bd83d5cb98f4227a")
)
"""The example of RFC 2865, 7.1."""

ACCEPT = bytes.fromhex("0200002686fe220e7624ba2a1005f6bf9b55e0b20606000000010f06000000000e06c0a80103")


def answer(request: bytes, code: int = 2, attributes: bytes = b"", secret: bytes = SECRET) -> bytes:
    """Return an answer without a Message-Authenticator."""
    return radius_answer(request, code, attributes, secret)


def signed(request: bytes, attributes: bytes, *, secret: bytes = SECRET) -> bytes:
    """Return an Access-Accept with a Message-Authenticator."""
    head = struct.pack("!BBH", 2, request[1], 38 + len(attributes))
    digest = hmac.digest(secret, head + request[4:20] + b"\x50\x12" + bytes(16) + attributes, "md5")
    return answer(request, 2, b"\x50\x12" + digest + attributes)


async def run(port: int, seconds: float = 10.0, host: str = "127.0.0.1", **fields: Any) -> tuple[Verdict, str]:
    assert KIND.check is not None
    fields = {"login": "nemo", "passwd": "arctangent", "secret": "xyzzy5461", "protocol": Protocol.UDP, **fields}
    result = await probe(KIND.check, Target(ip_address(host), port, seconds, **fields))
    return result.verdict, result.reason


def test_the_request() -> None:
    wire = NEMO.encoded
    authenticator = bytes.fromhex("0f403f9473978057bd83d5cb98f4227a")
    assert wire[:22] == b"\x01\x00" + struct.pack("!H", len(wire)) + authenticator + b"\x50\x12"
    unsigned = wire[:22] + bytes(16) + wire[38:]
    assert wire[22:38] == hmac.digest(SECRET, unsigned, "md5")
    expected = b"\x01\x06nemo\x02\x12" + bytes.fromhex("0dbe708d93d413ce3196e43f782a0aee") + b"\x04\x06\xc0\xa8\x01\x10"
    assert expected == wire[38:]


def test_a_request_over_ipv6_without_a_login_and_with_a_long_password() -> None:
    request = AccessRequest(b"", b"x" * 33, SECRET, ip_address("2001:db8::1"), 9, bytes(16))
    assert request.encoded[38:40] == b"\x02\x32"
    assert request.encoded[88:] == b"\x5f\x12" + ip_address("2001:db8::1").packed
    plain = b""
    for at, last in ((40, bytes(16)), (56, request.encoded[40:56]), (72, request.encoded[56:72])):
        mask = hashlib.md5(SECRET + last, usedforsecurity=False).digest()
        plain += bytes(byte ^ other for byte, other in zip(request.encoded[at : at + 16], mask, strict=True))
    assert plain == b"x" * 33 + bytes(15)


def test_an_empty_password_is_sixteen_bytes_too() -> None:
    request = AccessRequest(b"nemo", b"", SECRET, ip_address("192.0.2.1"), 9, bytes(16))
    assert request.encoded[44:46] == b"\x02\x12"


def test_a_request_does_not_show_its_secrets() -> None:
    assert "arctangent" not in repr(NEMO)
    assert "xyzzy" not in repr(NEMO)


def test_the_answer_of_the_rfc() -> None:
    assert NEMO.decode(ACCEPT) == RadiusResponse("Access-Accept", b"", proved=False)
    assert NEMO.decode(ACCEPT + b"padding") == RadiusResponse("Access-Accept", b"", proved=False)


def test_what_answers_say() -> None:
    assert NEMO.decode(answer(NEMO.encoded, 3, b"\x12\x04no\x12\x06nemo")) == RadiusResponse(
        "Access-Reject", b"no nemo", proved=False
    )
    assert NEMO.decode(answer(NEMO.encoded, 11)) == RadiusResponse("Access-Challenge", b"", proved=False)
    assert NEMO.decode(answer(NEMO.encoded, 5)) == RadiusResponse("RADIUS code 5", b"", proved=False)
    assert NEMO.decode(signed(NEMO.encoded, b"\x12\x05yes")) == RadiusResponse("Access-Accept", b"yes", proved=True)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "too short for a RADIUS answer"),
        (ACCEPT[:19], "too short for a RADIUS answer"),
        (ACCEPT[:-1], "a RADIUS packet of wrong length"),
        (b"\x02\x00\x00\x13" + ACCEPT[4:], "a RADIUS packet of wrong length"),
        (answer(NEMO.encoded, 2, b"\x12\xff" + b"x" * 253) + b"", ""),
        (answer(NEMO.encoded, 2, (b"\x12\xff" + b"x" * 253) * 17), "a RADIUS packet of wrong length"),
        (b"\x02\x01" + ACCEPT[2:], "a RADIUS answer to another request"),
        (b"\x03" + ACCEPT[1:], "a RADIUS answer signed with another secret"),
        (answer(NEMO.encoded, secret=b"another"), "a RADIUS answer signed with another secret"),
        (NEMO.encoded, "a RADIUS answer signed with another secret"),
        (signed(NEMO.encoded, b"", secret=b"another"), "a RADIUS answer with a wrong Message-Authenticator"),
        (answer(NEMO.encoded, 2, b"\x50\x03x"), "a RADIUS answer with a wrong Message-Authenticator"),
    ],
)
def test_what_is_not_the_servers_answer(data: bytes, why: str) -> None:
    got = ""
    try:
        NEMO.decode(data)
    except UnrelatedAnswer as stray:
        got = str(stray)
    assert why == got


@pytest.mark.parametrize("attributes", [b"\x12", b"\x12\x00", b"\x12\x01", b"\x12\x09x", b"\x12\x03x\x50"])
def test_malformed_attributes(attributes: bytes) -> None:
    with pytest.raises(CheckFailed, match=r"^malformed RADIUS answer at byte \d\d of \d\d$"):
        NEMO.decode(answer(NEMO.encoded, 2, attributes))


def test_logins_and_passwords_that_are_too_long() -> None:
    for login, passwd in ((b"x" * 254, b""), (b"", b"x" * 129)):
        with pytest.raises(CheckFailed, match="RADIUS allows logins of 253 bytes and passwords of 128"):
            _ = AccessRequest(login, passwd, SECRET, ip_address("192.0.2.1"), 9, bytes(16)).encoded


@pytest.mark.slow
def test_a_reader_accepts_any_bytes() -> None:
    """Also what is signed as it should be."""
    attributes = ACCEPT[20:] + b"\x12\x05yes"
    for data in mutants([ACCEPT, answer(NEMO.encoded, 3, attributes), signed(NEMO.encoded, attributes)], 10_000):
        assert outcome(data).isprintable()
    for changed in mutants([attributes, signed(NEMO.encoded, attributes)[20:]], 15_000):
        assert outcome(answer(NEMO.encoded, 3, changed)).isprintable()


def outcome(data: bytes) -> str:
    try:
        return NEMO.decode(data).code
    except CheckFailed as error:
        return str(error)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_up(host: str) -> None:
    async with answering(lambda data: [signed(data, b"")], host) as server:
        assert await run(server.port, host=host) == (Verdict.UP, "Access-Accept")
        nas = ip_address(host).packed
        assert server.heard[0][20:22] == b"\x50\x12"  # the Message-Authenticator comes first
        assert server.heard[0][38:44] == b"\x01\x06nemo"
        assert server.heard[0].endswith(nas)


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (lambda data: answer(data, 3), "Access-Reject"),
        (lambda data: answer(data, 3, b"\x12\x10who are you?\n\x00"), 'Access-Reject: "who are you?\\n\\x00"'),
        (lambda data: answer(data, 3, b"\x12\x0carctangent"), 'Access-Reject: "***"'),
        (lambda data: answer(data, 11, b"\x12\x07token"), 'Access-Challenge: "token"'),
        (lambda data: answer(data, 2, b"\x12"), "malformed RADIUS answer at byte 20 of 21"),
    ],
)
async def test_down(reply: Callable[[bytes], bytes], reason: str) -> None:
    async with answering(lambda data: [reply(data)]) as server:
        assert await run(server.port) == (Verdict.DOWN, reason)


async def test_F7_forged_answers_are_ignored() -> None:
    def forged(data: bytes) -> list[bytes]:
        return [b"", data, ACCEPT, signed(data, b"", secret=b"guess"), answer(data, secret=b"guess")]

    async with answering(lambda data: [*forged(data), signed(data, b"")]) as server:
        assert await run(server.port) == (Verdict.UP, "Access-Accept")
    async with answering(forged) as server:
        verdict, reason = await run(server.port, 0.2)
        assert verdict is Verdict.DOWN
        assert reason.startswith('no answer within 0.2 s (a RADIUS answer signed with another secret: "\\x02')


async def test_silence_and_refusal() -> None:
    async with answering(silent) as server:
        assert await run(server.port, 0.2) == (Verdict.DOWN, "no answer within 0.2 s (no datagram came back)")
    assert await run(closed_port()) == (Verdict.DOWN, "connect refused (no datagram came back)")


async def test_an_answer_without_a_message_authenticator_counts_and_says_so() -> None:
    """Servers before July 2024 send none: CVE-2024-3596."""
    async with answering(lambda data: [answer(data)]) as server:
        expected = (Verdict.UP, "Access-Accept (without Message-Authenticator)")
        assert expected == await run(server.port)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda data: signed(data, b"", secret=b"guess"),  # its Response Authenticator is right
        lambda data: answer(data, 2, b"\x50\x12" + bytes(16)),
        lambda data: answer(data, 2, b"\x50\x02"),
        lambda data: answer(data, 2, signed(data, b"")[20:] + b"\x50\x12" + bytes(16)),
        lambda data: answer(data, 2, signed(data, b"")[20:] + b"\x12\x05yes"),
    ],
)
async def test_an_answer_with_a_wrong_message_authenticator_is_ignored(wrong: Callable[[bytes], bytes]) -> None:
    async with answering(lambda data: [wrong(data), signed(data, b"")]) as server:
        assert await run(server.port) == (Verdict.UP, "Access-Accept")
    async with answering(lambda data: [wrong(data)]) as server:
        verdict, reason = await run(server.port, 0.2)
    expected = "no answer within 0.2 s (a RADIUS answer with a wrong Message-Authenticator: "
    assert (verdict, reason[: len(expected)]) == (Verdict.DOWN, expected)
