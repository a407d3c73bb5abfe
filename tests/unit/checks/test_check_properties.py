"""Whatever a server sends, a check ends in a verdict with a reason fit for a log line."""

from __future__ import annotations

import asyncio
import logging
import random
from ipaddress import ip_address
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from harness.fakes.scripted import Servers, saying
from ldirectord_py.checks.base import Check, Target
from ldirectord_py.checks.pattern import pattern_problem
from ldirectord_py.checks.probe import probe
from ldirectord_py.checks.protocols.http_request import redirected_request
from ldirectord_py.checks.protocols.http_response import Response
from ldirectord_py.checks.reasons import excerpt
from ldirectord_py.checks.registry import checker_for
from ldirectord_py.checks.services import KINDS
from ldirectord_py.errors import CheckFailed
from ldirectord_py.health import Verdict

_WORDS = [
    b"HTTP/1.1 200 OK\r\n",
    b"HTTP/1.0 302 \r\n",
    b"HTTP/1.1 100 Continue\r\n\r\n",
    b"Content-Length: 3\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Location: http://[::1\r\n",
    b"\r\n",
    b"3\r\nabc\r\n",
    b"0\r\n",
    b"abc",
    b"\n",
    b"\x00\xff",
]
pieces = st.lists(st.one_of(st.sampled_from(_WORDS), st.binary(max_size=40)), max_size=20)


@given(pieces, st.booleans(), st.sampled_from(["GET", "HEAD"]))
def test_a_response_accepts_any_bytes(data: list[bytes], kept: bool, method: str) -> None:
    answer = Response(method, kept=kept)
    try:
        for piece in data:
            answer.feed(piece)
        answer.finish()
    except CheckFailed as error:
        reason = str(error)
    else:
        reason = ""
    assert reason.isprintable()
    assert answer.status.isprintable()
    assert len(answer.body) <= sum(map(len, data))


@given(pieces, st.integers(1, 50))
def test_how_an_answer_is_cut_makes_no_difference(data: list[bytes], size: int) -> None:
    raw = b"".join(data)
    whole = outcome([raw] if raw else [])
    assert whole == outcome([raw[at : at + size] for at in range(0, len(raw), size)])


def outcome(data: list[bytes]) -> tuple[str, bytes, bool] | None:
    """Return what an answer says in the end; None where it is refused."""
    answer = Response("GET", kept=True)
    try:
        for piece in data:
            answer.feed(piece)
        answer.finish()
    except CheckFailed:
        return None
    return answer.status, bytes(answer.body), answer.success


@given(st.one_of(st.text(), st.binary().map(lambda data: data.decode("utf-8", "surrogateescape"))))
@example("http://[::1]:99999/")
@example("http://\u2100.example/")
@example("//@:")
def test_a_redirect_leads_anywhere_or_is_refused(location: str) -> None:
    target = Target(ip_address("192.0.2.1"), 80, 5.0, request="/")
    try:
        followed, _ = redirected_request("http", target, None, location)
    except CheckFailed:
        return
    assert followed.head.count(b"\r\n") == 5
    assert followed.head.endswith(b"\r\n\r\n")


@given(st.one_of(st.text(), st.text(alphabet="ab()[]{}*+?|\\^$.,:=<>!#-0129xzZQEkgR")))
def test_any_text_is_a_pattern_or_has_a_problem(text: str) -> None:
    assert isinstance(pattern_problem(text), str | None)


@given(st.binary(max_size=300))
def test_an_excerpt_is_printable_and_short(data: bytes) -> None:
    shown = excerpt(data)
    assert shown.isprintable()
    assert len(shown) <= 80 * 10 + 5


@pytest.mark.parametrize("kind", sorted(KINDS.keys() - {"none", "ftp"}))
async def test_F6_garbage_is_a_verdict_of_every_kind(
    servers: Servers, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    seed = random.Random(kind)  # noqa: S311  noise, and the same each time
    noise = [seed.randbytes(seed.randrange(400)) for _ in range(20)]
    noise += [greeting + seed.randbytes(100) for greeting in (b"220 ", b"+OK", b"* OK", b"HTTP/1.1 ") * 3]
    with caplog.at_level(logging.ERROR):
        results = await asyncio.gather(*(answered(servers, kind, data) for data in noise))
    assert caplog.messages == []
    assert {*results} <= {Verdict.UP, Verdict.DOWN}


async def answered(servers: Servers, kind: str, data: bytes) -> Verdict:
    fields: dict[str, Any] = {"login": "joe", "passwd": "hunter2", "receive": "alive", "request": "/"}
    target = Target(ip_address("127.0.0.1"), await servers.start(saying(data)), 2.0, **fields)
    result = await probe(checker_for(Check(kind, target, 10.0)), target)
    assert result.reason.isprintable()
    return result.verdict
