"""Answers of HTTP servers and handshakes of TLS servers, gone wrong in thousands of ways."""

from __future__ import annotations

import random
import ssl
from collections import Counter
from pathlib import Path

import pytest

from harness.fakes.mutants import mutants
from ldirectord_py.checks.protocols.http_response import Response
from ldirectord_py.checks.protocols.http_statuses import parse_statuses
from ldirectord_py.checks.reasons import words
from ldirectord_py.checks.transport.tls import Tls, TlsParameters
from ldirectord_py.errors import CheckFailed

COUNT = 20_000
HANDSHAKES = 5_000  # the decoder is OpenSSL's; ours are the words

ANSWERS = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 11\r\n\r\nStill alive",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nStill\r\n6\r\n alive\r\n0\r\nTrailer: x\r\n\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 302 Found\r\nLocation: /there\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.0 401 Who?\nServer: old\n\nno length, ended by the close",
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n\x81\x05hello",
    b"HTTP/1.1 204 No Content\r\n\r\n",
)

FILE = Path(__file__).parents[1] / "transport" / "mail.example.com.pem"
VERIFIED = TlsParameters("mail.example.com", verify=True, ca=FILE.read_text().partition("-----BEGIN PRIVATE KEY")[0])


def outcome(data: bytes, noise: random.Random) -> str:
    """Return the status of an answer that came in two pieces, or the reason why it is refused."""
    answer = Response(noise.choice(("GET", "GET", "HEAD")), parse_statuses("200-299,401"), kept=True)
    cut = noise.randrange(len(data) + 1)
    try:
        for piece in filter(None, (data[:cut], data[cut:])):
            answer.feed(piece)
        answer.finish()
    except CheckFailed as error:
        return f"refused: {error}"
    assert len(answer.body) <= len(data)
    return f"{'up' if answer.success else 'down'}: {answer.status}"


@pytest.mark.slow
def test_an_answer_that_went_wrong_is_judged() -> None:
    noise = random.Random(1)  # noqa: S311  noise, and the same each time
    said = [outcome(data, noise) for data in mutants(ANSWERS, COUNT)]
    assert [text for text in said if not text.isprintable()] == []
    seen = Counter(text.partition(":")[0] for text in said)
    assert min(seen[word] for word in ("refused", "up", "down")) > COUNT / 20


def flight(version: ssl.TLSVersion) -> bytes:
    """Return what a server says to the first words of a client."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(FILE)
    context.maximum_version = version
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = context.wrap_bio(incoming, outgoing, server_side=True)
    client = Tls(VERIFIED.context, VERIFIED.name)
    client.handshake()
    incoming.write(client.read_outgoing())
    try:
        server.do_handshake()
    except ssl.SSLWantReadError:
        return outgoing.read()
    raise AssertionError


def refusal(data: bytes) -> str:
    """Return why a client refuses what a server says first, or that it waits for more."""
    client = Tls(VERIFIED.context, VERIFIED.name)
    client.handshake()
    client.read_outgoing()
    client.write_incoming(data)
    try:
        assert not client.handshake()
    except ssl.SSLError as error:
        return words(error)
    return "waits"


@pytest.mark.slow
def test_a_handshake_that_went_wrong_is_refused_in_words() -> None:
    seeds = (flight(ssl.TLSVersion.TLSv1_2), flight(ssl.TLSVersion.TLSv1_3))
    said = [refusal(data) for data in mutants(seeds, HANDSHAKES)]
    assert [text for text in said if not text.isprintable()] == []
    seen = Counter(text.split()[0] for text in said)
    assert min(seen[word] for word in ("certificate", "TLS:", "waits")) > HANDSHAKES / 100
