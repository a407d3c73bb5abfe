"""Line protocols over TLS, on both loops: what is verified, and what is left behind when it fails."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from harness.fakes.scripted import Servers, Talk, dialogue
from ldirectord_py.checks.base import Target
from ldirectord_py.checks.certificate import expiry
from ldirectord_py.checks.probe import probe
from ldirectord_py.checks.services import KINDS
from ldirectord_py.checks.transport.stream import connect
from ldirectord_py.checks.transport.tls import TlsParameters, context
from ldirectord_py.errors import CheckFailed
from ldirectord_py.health import Verdict

FILE = Path(__file__).with_name("mail.example.com.pem")
PEM = FILE.read_text().partition("-----BEGIN PRIVATE KEY")[0]
NAME = "mail.example.com"
VERIFIED: dict[str, Any] = {"tlsverify": True, "tlsca": PEM, "tlsname": NAME}
UP = (Verdict.UP, "220 mx")


def server_context() -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(FILE)
    return made


async def mail_server(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Go over to TLS in an SMTP session, and say hello there too."""
    writer.write(b"220 mx\r\n")
    await reader.readline()
    writer.write(b"250-mx\r\n250-SIZE\r\n250 STARTTLS\r\n")
    await reader.readline()
    writer.write(b"220 go\r\n")
    await writer.start_tls(server_context())
    await reader.readline()
    writer.write(b"250 mx\r\n")
    await reader.readline()


async def run(kind: str, port: int, seconds: float = 10.0, **fields: Any) -> tuple[Verdict, str]:
    check = KINDS[kind].check
    assert check is not None
    result = await probe(check, Target(ip_address("127.0.0.1"), port, seconds, **fields))
    return result.verdict, result.reason


@pytest.fixture
async def port(servers: Servers) -> int:
    return await servers.start(mail_server)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, UP),
        ({"tlsname": "other.example.com"}, UP),
        (VERIFIED, UP),
        ({**VERIFIED, "tlsname": ""}, UP),
        (
            {**VERIFIED, "tlsname": "other.example.com"},
            (Verdict.DOWN, f"certificate is for {NAME}, 127.0.0.1, not other.example.com"),
        ),
        ({**VERIFIED, "tlsca": ""}, (Verdict.DOWN, "certificate is self-signed")),
    ],
)
async def test_smtp_goes_over_to_tls(port: int, fields: dict[str, Any], expected: tuple[Verdict, str]) -> None:
    assert expected == await run("smtp", port, starttls=True, **fields)
    assert expected == await run("submission", port, starttls=True, **fields)


async def test_pops_and_imaps_verify_too(servers: Servers) -> None:
    talks = {"pops": dialogue(b"+OK\r\n", b"+OK\r\n"), "imaps": dialogue(b"* OK\r\n", b"* BYE\r\n")}
    for kind, talk in talks.items():
        port = await servers.start(talk, tls=server_context())
        assert (await run(kind, port, **VERIFIED))[0] is Verdict.UP
        refused = await run(kind, port, tlsverify=True, tlsname=NAME)
        assert refused == (Verdict.DOWN, "certificate is self-signed")


@pytest.mark.parametrize("fields", [{}, VERIFIED, {"tlsverify": True, "tlsname": NAME}])
async def test_a_result_has_the_end_of_the_certificate_unless_it_is_refused(
    servers: Servers, port: int, fields: dict[str, Any]
) -> None:
    http = dialogue(b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n")
    ports = {
        "smtp": port,
        "imaps": await servers.start(dialogue(b"* OK\r\n", b"* BYE\r\n"), tls=server_context()),
        "https": await servers.start(http, tls=server_context()),
    }
    end = expiry(ssl.PEM_cert_to_DER_cert(PEM))
    assert end
    for kind, each in ports.items():
        check = KINDS[kind].check
        assert check is not None
        result = await probe(check, Target(ip_address("127.0.0.1"), each, 10.0, starttls=kind == "smtp", **fields))
        assert result.certificate_end == (None if result.code.value == "L6RSP" else end), (kind, result)
        assert (result.certificate_end is None) is (fields == {"tlsverify": True, "tlsname": NAME})


async def test_a_probe_without_tls_has_no_certificate_of_the_one_before(servers: Servers, port: int) -> None:
    check = KINDS["smtp"].check
    assert check is not None
    target = Target(ip_address("127.0.0.1"), port, 10.0)
    assert (await probe(check, replace(target, starttls=True))).certificate_end is not None
    assert (await probe(check, target)).certificate_end is None


async def test_a_stream_refuses_to_go_on_with_what_came_before_tls(servers: Servers) -> None:
    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 go\r\n250 evil\r\n")

    target = Target(ip_address("127.0.0.1"), await servers.start(talk), 10.0)
    async with connect(target) as stream:
        await stream.expect("220")
        with pytest.raises(CheckFailed, match="more than an answer before TLS"):
            await stream.start_tls(TlsParameters(NAME))


async def test_checks_with_the_same_terms_share_a_context() -> None:
    assert context(verify=True, ca=PEM) is TlsParameters("a", verify=True, ca=PEM).context
    assert TlsParameters("a", verify=True, ca=PEM).context is TlsParameters("b", verify=True, ca=PEM).context
    assert len({context(), context(verify=True), context(verify=True, ca=PEM)}) == 3


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def instead_of_tls(*pieces: bytes, hang: bool = False) -> Talk:
    """Return an SMTP server that agrees to go over to TLS, and then says something else."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for said in (b"220 mx\r\n", b"250-mx\r\n250 STARTTLS\r\n", b"220 go\r\n"):
            writer.write(said)
            await reader.readline()
        await reader.read(1)
        writer.write(b"".join(pieces))
        if hang:
            await asyncio.Event().wait()

    return talk


@pytest.mark.slow
@pytest.mark.parametrize(
    ("talk", "fields", "reason"),
    [
        (mail_server, {"tlsverify": True, "tlsname": NAME}, "certificate is self-signed"),
        (instead_of_tls(hang=True), {}, "no answer within 0.2 s (connected, TLS handshake not done)"),
        (instead_of_tls(), {}, "TLS: closed by server in the handshake"),
        (instead_of_tls(b"250 mx\r\n", hang=True), {}, "TLS: no TLS on this port"),
        (instead_of_tls(b"\x15\x03\x03\x00\x02\x02\x28", hang=True), {}, "TLS: handshake refused by server"),
        (instead_of_tls(b"\x15\x03\x03\x00\x02\x02\x46", hang=True), {}, "TLS: no version of TLS that both accept"),
        (instead_of_tls(b"\x16\x03\x03\x40\x00" + b"x" * 0x4000, hang=True), {}, "TLS: unexpected message"),
    ],
)
async def test_a_handshake_that_fails_is_down_and_leaves_nothing_behind(
    servers: Servers, talk: Talk, fields: dict[str, Any], reason: str
) -> None:
    port = await servers.start(talk)
    before = descriptors()
    for _ in range(3):
        seconds = 0.2 if "0.2 s" in reason else 10.0
        assert await run("smtp", port, seconds, starttls=True, **fields) == (Verdict.DOWN, reason)
    await servers.stop()
    async with asyncio.timeout(10):  # a transport closes its socket in a later turn of the loop
        while descriptors() >= before:
            await asyncio.sleep(0.01)
