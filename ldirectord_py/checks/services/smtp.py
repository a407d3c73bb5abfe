"""``service = smtp``: a greeting, an answer to EHLO or HELO, and TLS if ``starttls`` is set."""

from __future__ import annotations

from ldirectord_py.checks.base import TLS, Kind, Target
from ldirectord_py.checks.protocols.replies import smtp_reply
from ldirectord_py.checks.transport.stream import Stream, connect
from ldirectord_py.checks.transport.tls import tls_parameters
from ldirectord_py.errors import TlsUnavailable

_NAME = "localhost.localdomain"


async def check(target: Target) -> str:
    """Return the greeting."""
    async with connect(target) as stream:
        greeting = (await smtp_reply(stream, "2"))[-1]
        features = await _hello(stream)
        if target.starttls:
            await _secure(stream, target, features)
            await _hello(stream)
        stream.send_goodbye(b"QUIT\r\n")
        return greeting


async def _hello(stream: Stream) -> list[str]:
    """Return the extensions that the server offers; none if it only knows HELO."""
    await stream.send(f"EHLO {_NAME}")
    answer = await smtp_reply(stream, "2", "5")
    if answer[0].startswith("2"):
        return [line[4:].strip().upper() for line in answer[1:]]
    await stream.send(f"HELO {_NAME}")
    await smtp_reply(stream, "2")
    return []


async def _secure(stream: Stream, target: Target, features: list[str]) -> None:
    """Start TLS; raises TlsUnavailable if the server does not offer it, BadStatus if it refuses."""
    if "STARTTLS" not in features:
        raise TlsUnavailable("the server offers no STARTTLS")
    await stream.send("STARTTLS")
    await smtp_reply(stream, "2")
    await stream.start_tls(tls_parameters(target))


KIND = Kind("smtp", check, port=25, uses=TLS | {"starttls"})
